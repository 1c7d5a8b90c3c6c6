"""A data set in a folder of this machine."""

from __future__ import annotations

import os
from contextlib import closing

from .errors import Cifar5mError
from .flags import FLAGS_NAME, FlagsDescription, missing_flags, parse_flags, wrong_table
from .manifest import MANIFEST_NAME, Manifest, ShardEntry, parse_manifest
from .positioned_file import PositionedFile
from .shard import open_shard_file

# A manifest of six million images has a few hundred kilobytes.
MAX_MANIFEST_BYTES = 256 * 2**20
MAX_FLAGS_BYTES = 2**16


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
        if os.path.isfile(self.location):
            what = f"a data set must be a folder, {self.location} is a file. Point at the folder that holds"
            raise Cifar5mError("disk/not-a-folder", f"{what} {MANIFEST_NAME}.")
        try:
            file = PositionedFile(path)
        except Cifar5mError as error:
            if error.code != "disk/missing":
                raise
            advice = "or run the build to its end."
            what = (
                f"{path} does not exist, so {self.location} is not a finished data set. Point at RUN/dataset, {advice}"
            )
            if not os.path.exists(self.location):
                what = f"{self.location} does not exist. Check the path, {advice}"
            raise Cifar5mError("manifest/missing", what) from error
        with closing(file):
            if file.bytes > MAX_MANIFEST_BYTES:
                what = f"{path}: it must have at most {MAX_MANIFEST_BYTES} bytes, got {file.bytes}. Publish again."
                raise Cifar5mError("manifest/invalid", what)
            return parse_manifest(file.read(0, file.bytes), path)

    def open(self, entry: ShardEntry) -> PositionedFile:
        """The file of a shard, checked. Raises `shard/…`, `disk/…`."""
        return open_shard_file(os.path.join(self.location, entry.file), entry, self._verify)

    def open_flags(self, manifest: Manifest) -> tuple[PositionedFile, FlagsDescription]:
        """The table of flags, hashed. Raises `flags/…`, `json/corrupt`, `disk/…`."""
        path = os.path.join(self.location, FLAGS_NAME)
        try:
            described = PositionedFile(path)
        except Cifar5mError as error:
            raise missing_flags(self.location) if error.code == "disk/missing" else error from error
        with closing(described):
            if described.bytes > MAX_FLAGS_BYTES:
                what = f"{path}: it must have at most {MAX_FLAGS_BYTES} bytes, got {described.bytes}. Audit again."
                raise Cifar5mError("flags/invalid", what)
            description = parse_flags(described.read(0, described.bytes), manifest, path)
        table = os.path.join(self.location, description.entry.file)
        # One that is missing is `disk/missing`, as in TypeScript.
        PositionedFile(table).close()
        try:
            return open_shard_file(table, description.entry, verify=True), description
        except Cifar5mError as error:
            if not error.code.startswith("shard/"):
                raise
            raise wrong_table(table, f"must be the file that {FLAGS_NAME} describes, and is not") from error

    def open_all(self, entries: list[ShardEntry]) -> list[PositionedFile]:
        """As `open`, for several shards."""
        return [self.open(entry) for entry in entries]
