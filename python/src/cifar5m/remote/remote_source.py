"""A data set on a server: shards are fetched, whole, when the first of their rows is needed."""

from __future__ import annotations

import codecs
import operator
import random
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ..errors import Cifar5mError
from ..flags import FLAGS_NAME, FlagsDescription, missing_flags, parse_flags
from ..folder import MAX_FLAGS_BYTES, MAX_MANIFEST_BYTES
from ..location import Location
from ..manifest import MANIFEST_NAME, Manifest, ShardEntry, parse_manifest
from ..positioned_file import PositionedFile
from .claim import Claim
from .http_store import HttpStore
from .object_store import ObjectStore, TransferError
from .parallel import gather
from .s3_store import S3Store
from .shard_cache import ShardCache

if TYPE_CHECKING:
    from .remote_options import RemoteOptions

Result = TypeVar("Result")

_FOLDER_ADVICE = f"Give the address of the folder that holds {MANIFEST_NAME}"
_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 20.0


def open_remote(location: Location, options: RemoteOptions) -> RemoteSource:
    """A source for `http(s)://` or `s3://`."""
    if location.kind == "s3":
        store: ObjectStore = S3Store(location.where, options.s3)
    else:
        store = HttpStore(location.where, options.headers, float(options.timeout_s))
    cache = ShardCache(options.cache_directory, options.cache_bytes)
    return RemoteSource(store, cache, operator.index(options.max_requests), operator.index(options.tries))


class RemoteSource:
    """Shards of a server, behind a cache on this machine's disk."""

    def __init__(self, store: ObjectStore, cache: ShardCache, max_requests: int, tries: int) -> None:
        self.location = store.location
        self._store, self._cache, self._max_requests, self._tries = store, cache, max_requests, tries

    def read_manifest(self) -> Manifest:
        """Raises `manifest/…`, `json/corrupt`, `store/…`."""
        self._cache.remove_leftovers()
        try:
            url, data = self._read_small(MANIFEST_NAME, MAX_MANIFEST_BYTES)
        except Cifar5mError as error:
            if error.code != "store/not-found":
                raise
            what = f"{self._store.url_of(MANIFEST_NAME)} must exist, and does not. {_FOLDER_ADVICE}"
            raise Cifar5mError(error.code, f"{what}: of `cifar5m serve` it ends in /dataset.") from error
        return parse_manifest(data, url)

    def open_flags(self, manifest: Manifest) -> tuple[PositionedFile, FlagsDescription]:
        """The table of flags, fetched if need be. Raises `flags/…`, `json/corrupt`, `store/…`."""
        try:
            url, data = self._read_small(FLAGS_NAME, MAX_FLAGS_BYTES)
        except Cifar5mError as error:
            raise missing_flags(self.location) if error.code == "store/not-found" else error from error
        description = parse_flags(data, manifest, url)
        return self.open(description.entry), description

    def _read_small(self, name: str, max_bytes: int) -> tuple[str, bytes]:
        url = self._store.url_of(name)

        def fetch() -> bytes:
            data = bytearray()
            for piece in self._store.read(name):
                data += piece
                if len(data) > max_bytes:
                    raise refuse(f"more than {max_bytes} bytes")
            # A server's page for an address that it does not know, or that one must log in for.
            if data.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<"):
                raise refuse(f"an HTML or XML page of {len(data)} bytes")
            return bytes(data)

        def refuse(seen: str) -> Cifar5mError:
            is_manifest = name == MANIFEST_NAME
            what = "the manifest of a data set" if is_manifest else "the description of a data set's flags"
            advice = f"{_FOLDER_ADVICE}." if is_manifest else "Publish the data set there again."
            return Cifar5mError("store/wrong-content", f"{url} must be {what}, but it is {seen}. {advice}")

        return url, self._retry(url, fetch, Event())

    def open(self, entry: ShardEntry) -> PositionedFile:
        """The file of a shard in the cache, fetched if need be. Raises `store/…`, `disk/…`."""
        return self.open_all([entry])[0]

    def open_all(self, entries: list[ShardEntry]) -> list[PositionedFile]:
        """As `open`, for several shards at once."""
        return gather(self._open, entries, self._max_requests)

    def _open(self, entry: ShardEntry, stop: Event) -> PositionedFile | None:
        """The file; None while another process fetches it."""
        file = self._cache.open(entry)
        if file is not None:
            return file
        claim = self._cache.claim(entry)
        if claim is None:
            return None
        try:
            # Whoever had the claim before may have brought it.
            return self._cache.open(entry) or self._fetch(entry, claim, stop)
        finally:
            claim.release()

    def _fetch(self, entry: ShardEntry, claim: Claim, stop: Event) -> PositionedFile:
        url = self._store.url_of(entry.file)

        def receive(sink: BinaryIO, start: int) -> None:
            for piece in self._store.read(entry.file, start):
                if stop.is_set():
                    raise _StoppedError
                if sink.tell() + len(piece) > entry.bytes:
                    raise _WrongContentError(f"more than the {entry.bytes} bytes of the manifest")
                sink.write(piece)
                claim.touch()

        def write(sink: BinaryIO) -> None:
            # A transfer that was cut goes on where it ended. Only one that brought nothing counts as a failed try.
            while True:
                start = sink.tell()
                # All of it came, and then the connection broke. The hash decides.
                if start == entry.bytes:
                    return None
                claim.touch()
                try:
                    return receive(sink, start)
                except _WrongContentError:
                    raise
                except TransferError:
                    if sink.tell() == start:
                        raise
                    _wait(stop, _FIRST_DELAY_S)

        def fetch() -> PositionedFile:
            file = self._cache.add(entry, write)
            if file is None:
                raise _WrongContentError("bytes that are not those of the manifest")
            return file

        return self._retry(url, fetch, stop)

    def _retry(self, url: str, attempt: Callable[[], Result], stop: Event) -> Result:
        for number in range(1, self._tries + 1):
            try:
                return attempt()
            except TransferError as error:
                if number < self._tries:
                    delay = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** (number - 1))
                    # With chance in it, or all readers of a server that was down come back at once.
                    _wait(stop, delay * (0.5 + random.random() / 2))
                    continue
                is_wrong = isinstance(error, _WrongContentError)
                code = "store/wrong-content" if is_wrong else "store/unreachable"
                what = f"{url} must be readable, {self._tries} tries failed, the last one with: {error}."
                raise Cifar5mError(code, f"{what} Check the server and the connection, then run again.") from error
        raise AssertionError("RemoteOptions allows no fewer than one try")


def _wait(stop: Event, seconds: float) -> None:
    if stop.wait(seconds):
        raise _StoppedError


class _WrongContentError(TransferError):
    """A whole object that is not the one wanted."""


class _StoppedError(Exception):
    """A download that nobody waits for anymore, because another one failed."""
