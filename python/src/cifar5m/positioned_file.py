"""Files that are read at positions, never mapped.

A mapped file that somebody cuts kills its reader by SIGBUS, which Python cannot catch. A read that ends early is an
ordinary error.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import weakref
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from .errors import DAMAGED_FILE_ADVICE, Cifar5mError

_REFUSALS = {
    errno.EACCES: ("disk/permission-denied", "permission is denied", "Check the owner and mode of the file."),
    errno.EPERM: ("disk/permission-denied", "the operation is not permitted", "Check the owner and mode of the file."),
    errno.ENOENT: ("disk/missing", "the file or its folder does not exist", "Check the path."),
    errno.ENOTDIR: ("disk/not-a-folder", "a part of its path is a file, not a folder", "Check the path."),
    errno.EISDIR: ("disk/is-a-folder", "it is a folder, not a file", "Check the path."),
    errno.EMFILE: ("disk/too-many-open-files", "too many files are open", "Raise `ulimit -n`, or close other files."),
    errno.ENFILE: ("disk/too-many-open-files", "too many files are open on this machine", "Close other programs."),
    errno.ENOSPC: ("disk/full", "no space is left on its disk", "Free some space and run again."),
    errno.EDQUOT: ("disk/quota-exceeded", "your disk quota is spent", "Free some space and run again."),
    errno.ESTALE: (
        "disk/stale",
        "its server no longer knows the file or folder",
        "Check whether somebody removed it or mounted the disk anew, then run again.",
    ),
    errno.EROFS: ("disk/read-only", "its file system is read-only", "Choose another folder."),
    errno.EIO: ("disk/io-error", "the disk reports a failure", "Check the disk, then run again."),
}

_seek_lock = threading.Lock()


def disk_error(error: OSError, action: str, path: str) -> Cifar5mError:
    """What the operating system refused, with a code of ours."""
    known = _REFUSALS.get(error.errno or 0)
    code, rule, advice = known or ("disk/failed", error.strerror or str(error), "Check the disk, then run again.")
    return Cifar5mError(code, f"cannot {action} {path}: {rule}. {advice}")


def _read_at_once(fileno: int, target: memoryview, position: int) -> int:
    """One read at a position, into memory where the system can: preadv, else pread, else a seek."""
    if hasattr(os, "preadv"):
        return os.preadv(fileno, [target], position)
    if hasattr(os, "pread"):
        data = os.pread(fileno, len(target), position)
    else:
        with _seek_lock:
            os.lseek(fileno, position, os.SEEK_SET)
            data = os.read(fileno, len(target))
    target[: len(data)] = data
    return len(data)


class PositionedFile:
    """An open regular file. It is closed when nobody refers to it anymore, so threads and loops need no bookkeeping.

    It keeps a bare descriptor: an object of `io` that nobody closed would warn of it.

    Raises:
        Cifar5mError: `disk/…` if it cannot be opened or is a folder, a pipe or a device.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            # A pipe that nobody writes to must not block.
            flags = (
                os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            )
            fileno = os.open(path, flags)
            status = os.fstat(fileno)
            if not stat.S_ISREG(status.st_mode):
                os.close(fileno)
                _refuse(status, path)
        except OSError as error:
            raise disk_error(error, "open", path) from error
        self._fileno = fileno
        self._finalizer = weakref.finalize(self, os.close, fileno)
        # The system closes it then, and a thread may still be reading.
        self._finalizer.atexit = False
        self.bytes = status.st_size
        self.identity = _identity_of(status)

    def close(self) -> None:
        """Closes the file now. Nobody may read from it afterwards, nor meanwhile."""
        self._finalizer()

    def touch(self) -> None:
        """Sets the time of the last change to now; the file has another identity then. Raises OSError."""
        os.utime(self.path)
        self.identity = _identity_of(os.fstat(self._fileno))

    @property
    def modified_s(self) -> float:
        """When the file was last changed or touched, seconds since 1970."""
        return self.identity[3] / 1e9

    def read(self, position: int, num_bytes: int) -> bytes:
        """Some bytes. Raises `table/truncated` if the file ends before, `disk/…`."""
        target = bytearray(num_bytes)
        self.read_into(position, memoryview(target))
        return bytes(target)

    def read_into(self, position: int, target: memoryview) -> None:
        """Fills a view of bytes. Raises as `read`."""
        done = 0
        while done < len(target):
            try:
                count = _read_at_once(self._fileno, target[done:], position + done)
            except OSError as error:
                raise disk_error(error, "read", self.path) from error
            if count == 0:
                raise Cifar5mError(
                    "table/truncated",
                    f"{self.path} must hold {position + len(target)} bytes, it ends at {position + done}. "
                    f"{DAMAGED_FILE_ADVICE}",
                )
            done += count

    def read_rows(self, positions: npt.NDArray[np.int64], out: npt.NDArray[np.uint8]) -> None:
        """Reads one row from each position; rows that follow each other in the file are one read.

        Args:
            positions: int64, shape [R], of first bytes.
            out: uint8, shape [R, row bytes], contiguous.
        """
        if len(positions) == 0:
            return
        row_bytes = out.shape[1]
        target = out.reshape(-1).data
        firsts = np.flatnonzero(np.diff(positions, prepend=positions[0] - row_bytes - 1) != row_bytes)
        ends = np.append(firsts[1:], len(positions)) * row_bytes
        runs = zip(positions[firsts].tolist(), (firsts * row_bytes).tolist(), ends.tolist(), strict=True)
        for position, start, end in runs:
            view = target[start:end]
            try:
                count = _read_at_once(self._fileno, view, position)
            except OSError as error:
                raise disk_error(error, "read", self.path) from error
            if count != end - start:
                self.read_into(position + count, view[count:])


def _refuse(status: os.stat_result, path: str) -> NoReturn:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    what = f"{path} must be a file, it is a pipe, a socket or a device. Put the file in its place."
    raise Cifar5mError("disk/not-a-file", what)


def _identity_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """Another file, or other bytes, under the same name have another one."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
