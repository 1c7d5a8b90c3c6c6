"""A data set on a server: shards are fetched, whole, when the first of their rows is needed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ..errors import Cifar5mError
from ..folder import MAX_MANIFEST_BYTES
from ..location import Location
from ..manifest import MANIFEST_NAME, Manifest, ShardEntry, parse_manifest
from ..positioned_file import PositionedFile
from .http_store import HttpStore
from .object_store import ObjectStore, TransferError
from .s3_store import S3Store
from .shard_cache import ShardCache

if TYPE_CHECKING:
    from ..dataset import RemoteOptions

Result = TypeVar("Result")

_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 20.0


def open_remote(location: Location, options: RemoteOptions) -> RemoteSource:
    """A source for `http(s)://` or `s3://`."""
    if location.kind == "s3":
        store: ObjectStore = S3Store(location.where, options.s3)
    else:
        store = HttpStore(location.where, options.headers, options.timeout_s)
    cache = ShardCache(options.cache_directory, options.cache_bytes)
    return RemoteSource(store, cache, options.max_requests, options.tries)


class RemoteSource:
    """Shards of a server, behind a cache on this machine's disk."""

    def __init__(self, store: ObjectStore, cache: ShardCache, max_requests: int, tries: int) -> None:
        self.location = store.location
        self._store, self._cache, self._max_requests, self._tries = store, cache, max_requests, tries

    def read_manifest(self) -> Manifest:
        """Raises `manifest/…`, `json/corrupt`, `store/…`."""
        self._cache.remove_leftovers()
        url = self._store.url_of(MANIFEST_NAME)

        def fetch() -> bytes:
            data = bytearray()
            for piece in self._store.read(MANIFEST_NAME):
                data += piece
                if len(data) > MAX_MANIFEST_BYTES:
                    what = f"{url}: it must have at most {MAX_MANIFEST_BYTES} bytes. Check the address."
                    raise Cifar5mError("manifest/invalid", what)
            return bytes(data)

        return parse_manifest(self._retry(url, fetch), url)

    def open(self, entry: ShardEntry) -> PositionedFile:
        """The file of a shard in the cache, fetched if need be. Raises `store/…`, `disk/…`."""
        return self._cache.open(entry) or self._fetch(entry)

    def prepare(self, entries: list[ShardEntry]) -> None:
        """Fetches what is not there, several shards at once."""
        missing = [entry for entry in entries if self._cache.open(entry) is None]
        if len(missing) < 2:
            return
        with ThreadPoolExecutor(self._max_requests) as threads:
            list(threads.map(self.open, missing))

    def _fetch(self, entry: ShardEntry) -> PositionedFile:
        url = self._store.url_of(entry.file)

        def write(sink: BinaryIO) -> None:
            num_bytes = 0
            for piece in self._store.read(entry.file):
                num_bytes += len(piece)
                if num_bytes > entry.bytes:
                    raise TransferError(f"more than the {entry.bytes} bytes of the manifest")
                sink.write(piece)

        def fetch() -> PositionedFile:
            file = self._cache.add(entry, write)
            if file is None:
                raise _WrongContentError("bytes that are not those of the manifest")
            return file

        return self._retry(url, fetch)

    def _retry(self, url: str, attempt: Callable[[], Result]) -> Result:
        for number in range(1, self._tries + 1):
            try:
                return attempt()
            except TransferError as error:
                if number < self._tries:
                    delay = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** (number - 1))
                    # With chance in it, or all readers of a server that was down come back at once.
                    time.sleep(delay * (0.5 + random.random() / 2))
                    continue
                is_wrong = isinstance(error, _WrongContentError)
                code = "store/wrong-content" if is_wrong else "store/unreachable"
                what = f"{url} must be readable, {self._tries} tries failed, the last one with: {error}."
                raise Cifar5mError(code, f"{what} Check the server and the connection, then run again.") from error
        raise Cifar5mError("store/out-of-range", f"tries must be at least 1, got {self._tries}. Use 6.")


class _WrongContentError(TransferError):
    """A whole object that is not the one wanted."""
