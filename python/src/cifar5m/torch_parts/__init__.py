"""The parts of `cifar5m.torch`, one a file."""
