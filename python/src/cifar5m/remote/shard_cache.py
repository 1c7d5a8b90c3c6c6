"""Fetched shards on this machine's disk, shared with the TypeScript loader: docs/remote.md."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ..errors import Cifar5mError
from ..location import parse_folder
from ..manifest import ShardEntry
from ..positioned_file import PositionedFile, disk_error
from ..shard import hash_file, mark_checked, open_shard_file
from .claim import Claim, take_claim
from .object_store import TransferError

# Windows renames no file that is open.
_CAN_RENAME_OPEN_FILES = os.name != "nt"
# A temporary that nobody wrote to for so long has no living writer.
_STALE_S = 24 * 3600
# The last use of a file is known to this accuracy. Each touch lets all other processes hash the file again.
_TOUCHED_EVERY_S = 3600


class ShardCache:
    """One file a shard, named by its sha256. Any number of processes share it without a lock; claims spare downloads.

    A name holds whole, checked bytes or does not exist, and a file that is removed stays readable where it is open.
    What a disk or a hand has changed since is found when a process first opens the file.
    """

    def __init__(self, directory: str | os.PathLike[str] | None, max_bytes: float) -> None:
        folder = default_cache_directory() if directory is None else directory
        self._directory = Path(parse_folder(folder, "cache_directory")) / "shards"
        self._max_bytes = max_bytes

    def open(self, entry: ShardEntry) -> PositionedFile | None:
        """The file of a shard, whole and checked; None if there is none. One that has changed is removed."""
        path = self._path_of(entry)
        try:
            file = open_shard_file(path, entry, verify=True)
        except Cifar5mError as error:
            if error.code == "shard/missing":
                return None
            if error.code.startswith("shard/"):
                with contextlib.suppress(OSError):
                    os.unlink(path)
                return None
            raise
        # The time of the last change tells the last use: access times are switched off on many machines.
        if time.time() - file.modified_s > _TOUCHED_EVERY_S:
            with contextlib.suppress(OSError):
                file.touch()
                mark_checked(file, entry)
        return file

    def claim(self, entry: ShardEntry) -> Claim | None:
        """The right to fetch a shard; None while another process fetches it."""
        with contextlib.suppress(OSError):
            os.makedirs(self._directory, exist_ok=True)
        # Named as a temporary: one that is left is removed with those.
        return take_claim(str(self._directory / f".{entry.sha256}.arrow.tmp~claim"))

    def add(self, entry: ShardEntry, write: Callable[[BinaryIO], None]) -> PositionedFile | None:
        """Takes in a shard: writes a hidden temporary, checks it, renames it, then makes room.

        Returns:
            The file; None if the bytes are not those of the entry.

        Raises:
            Cifar5mError: `disk/…`; what `write` raises.
        """
        path = self._path_of(entry)
        temporary = str(self._directory / f".{entry.sha256}.arrow.tmp~python~{secrets.token_hex(8)}")
        try:
            os.makedirs(self._directory, exist_ok=True)
            with open(temporary, "xb") as sink:
                write(sink)
                sink.flush()
                os.fsync(sink.fileno())
            written = PositionedFile(temporary)
            if written.bytes != entry.bytes or hash_file(written) != entry.sha256:
                written.close()
                return None
            named = self._name(written, path, entry)
            self._make_room()
        except OSError as error:
            raise disk_error(error, "write", path) from error
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return named

    def _name(self, written: PositionedFile, path: str, entry: ShardEntry) -> PositionedFile:
        """Renames a checked temporary. Raises OSError, and TransferError where another process removes it at once."""
        temporary, written.path = written.path, path
        mark_checked(written, entry)
        if _CAN_RENAME_OPEN_FILES:
            os.replace(temporary, path)
            # Open since before it had its name: it can be read even if we, or another process, remove it to make room.
            return written
        written.close()
        # Who reads the shard already, from the same name, keeps it there.
        with contextlib.suppress(PermissionError):
            os.replace(temporary, path)
        named = self.open(entry)
        if named is None:
            raise TransferError("a shard that another process removed from the cache at once")
        return named

    def remove_leftovers(self) -> None:
        """Removes temporaries of downloads that ended long ago."""
        for path in self._directory.glob(".*.tmp~*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_S:
                    path.unlink()

    def _make_room(self) -> None:
        """Removes files, those unused for longest first, until the rest is within the limit."""
        files = []
        for path in self._directory.glob("*.arrow"):
            # Another process may be making room too.
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._max_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size

    def _path_of(self, entry: ShardEntry) -> str:
        return str(self._directory / f"{entry.sha256}.arrow")


def default_cache_directory() -> Path:
    """`cifar5m` in XDG_CACHE_HOME, else in `~/.cache`; a relative path in the variable is ignored."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(base):
        return Path(base) / "cifar5m"
    try:
        return Path.home() / ".cache" / "cifar5m"
    except RuntimeError as error:
        raise Cifar5mError(
            "store/no-home",
            "the cache of fetched shards lies in the home folder, and this user has none. Set XDG_CACHE_HOME, or "
            "RemoteOptions(cache_directory=…), to a folder that can be written to.",
        ) from error
