"""A data set in a folder of this machine."""

from __future__ import annotations

import os

from .errors import Cifar5mError
from .manifest import MANIFEST_NAME, Manifest, ShardEntry, parse_manifest
from .positioned_file import PositionedFile
from .shard import open_shard_file

# A manifest of six million images has a few hundred kilobytes.
MAX_MANIFEST_BYTES = 256 * 2**20


class FolderSource:
    """The shards of a folder, by its absolute path.

    Args:
        verify: hash each shard once a process, before its first row is served.
    """

    def __init__(self, folder: str, verify: bool) -> None:
        self.location = folder
        self._verify = verify

    def read_manifest(self) -> Manifest:
        """Raises `manifest/…`, `json/corrupt`, `disk/…`."""
        path = os.path.join(self.location, MANIFEST_NAME)
        try:
            file = PositionedFile(path)
        except Cifar5mError as error:
            if error.code != "disk/missing":
                raise
            raise Cifar5mError(
                "manifest/missing",
                f"{path} does not exist, so {self.location} is no finished data set. Point at RUN/dataset.",
            ) from error
        if file.bytes > MAX_MANIFEST_BYTES:
            what = f"{path}: it must have at most {MAX_MANIFEST_BYTES} bytes, got {file.bytes}. Publish again."
            raise Cifar5mError("manifest/invalid", what)
        return parse_manifest(file.read(0, file.bytes), path)

    def open(self, entry: ShardEntry) -> PositionedFile:
        """The file of a shard, checked. Raises `shard/…`, `disk/…`."""
        return open_shard_file(os.path.join(self.location, entry.file), entry, self._verify)

    def prepare(self, entries: list[ShardEntry]) -> None:
        """Nothing to do: the shards are here."""
