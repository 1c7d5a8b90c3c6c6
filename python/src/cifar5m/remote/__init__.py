"""Data sets on servers: docs/remote.md."""
