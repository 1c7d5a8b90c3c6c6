"""Which process of this machine fetches a shard, so that workers do not all fetch it.

An agreement that saves downloads. Nothing else rests on it: where two processes fetch one shard, both bring it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time

_TOUCHED_EVERY_S = 5.0
# A claim that nobody touched for so long has no living owner, or one whose connection stalls.
_STALE_S = 60.0


class Claim:
    """A file beside a cache entry that names its owner, who touches it with every piece that arrives."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text, self._touched_s = path, text, time.monotonic()

    def touch(self) -> None:
        """Tells others that the download goes on."""
        if time.monotonic() - self._touched_s > _TOUCHED_EVERY_S:
            self._touched_s = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(self._path)

    def release(self) -> None:
        """Gives it up. One that another process took over is left alone."""
        if _read(self._path) == self._text:
            with contextlib.suppress(OSError):
                os.unlink(self._path)


def take_claim(path: str) -> Claim | None:
    """A claim; None while another process or thread has it. One whose owner is dead or silent is taken over."""
    text = f"{_machine()} {os.getpid()} {secrets.token_hex(8)}"
    for _ in range(2):
        try:
            with open(path, "x", encoding="utf8") as file:
                file.write(text)
        except FileExistsError:
            if not _is_stale(path):
                return None
            with contextlib.suppress(OSError):
                os.unlink(path)
        except OSError:
            # The folder cannot be written to: the download will say so.
            break
        else:
            break
    else:
        return None
    return Claim(path, text)


def _is_stale(path: str) -> bool:
    try:
        age_s = time.time() - os.stat(path).st_mtime
    except OSError:
        return True
    machine, _, rest = _read(path).rpartition(" ")[0].rpartition(" ")
    return age_s > _STALE_S or (machine == _machine() and rest.isdecimal() and not _is_running(int(rest)))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _machine() -> str:
    """The host, and the processes that this one sees: numbers of processes mean the same in no other container."""
    try:
        return f"{socket.gethostname()}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _is_running(process_id: int) -> bool:
    # There, a signal of number 0 is an interrupt.
    if os.name == "nt":
        return True
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    # One that was killed and that nobody waited for yet.
    status = _read(f"/proc/{process_id}/stat")
    return status.rpartition(")")[2][1:2] not in ("Z", "X")
