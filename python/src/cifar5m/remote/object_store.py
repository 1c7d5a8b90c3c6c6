"""A store that objects are read from by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..errors import Cifar5mError


class TransferError(Exception):
    """A request that failed in a way that may go better next time. Its message says what came."""


class ObjectStore(Protocol):
    """A web server's folder, or a prefix of a bucket."""

    location: str

    def url_of(self, name: str) -> str:
        """URL of an object, without secrets; named in errors."""

    def read(self, name: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object from `start` on, in pieces.

        Raises:
            TransferError: for what may go better next time.
            Cifar5mError: `store/not-found`, `store/forbidden`, `store/refused` for what will not.
        """


def refusal(url: str, status: int) -> Exception:
    """What a server's refusal means."""
    if status >= 500 or status in (408, 425, 429):
        return TransferError(f"HTTP status {status}")
    if status in (404, 410):
        what = f"{url} must exist, the server answers {status}. Check the address, or publish the data set there again."
        return Cifar5mError("store/not-found", what)
    if status in (401, 403):
        what = f"{url} must be readable, the server answers {status}. Check credentials and access rights"
        return Cifar5mError("store/forbidden", f"{what}; some servers say so of what does not exist.")
    what = f"{url} must be answered with 200, the server answers {status}. Check the address and the server."
    return Cifar5mError("store/refused", what)
