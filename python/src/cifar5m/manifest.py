"""manifest.json: what a data set holds, checked before anything else is read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .canonical_json import unseal_json
from .errors import DAMAGED_FILE_ADVICE, Cifar5mError

MANIFEST_NAME = "manifest.json"
MANIFEST_VERSION = 1
# Of a data set that has grown: it has the key `growth`.
GROWN_MANIFEST_VERSION = 2
SPLIT_NAMES = ("train", "test")
MAX_INTEGER = 2**53 - 1

# Bytes that one row takes at least: its image, two int64 columns and the id, a confidence.
_MIN_ROW_BYTES = 3 * 8 + 3072 + 4
_MAX_SHARD_BYTES = 2**31 - 1
_SHARD_FILE = re.compile(r"(?!.*\.\.)[A-Za-z0-9_-]+/[A-Za-z0-9_.-]+\.arrow")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ShardEntry:
    """A shard as the manifest lists it. Every id of it lies in [id_start, id_end)."""

    file: str
    rows: int
    bytes: int
    sha256: str
    id_start: int
    id_end: int


@dataclass(frozen=True)
class SplitEntry:
    """A split as the manifest lists it; class_counts are rows by label."""

    rows: int
    shards: tuple[ShardEntry, ...]
    class_counts: tuple[int, ...]


@dataclass(frozen=True)
class EarlierSize:
    """A size that a data set had before it grew: its number of shards, which come first, and its identity then."""

    train: int
    test: int
    sha256: str

    def num_shards(self, split: str) -> int:
        """The number of shards that a split had."""
        return self.train if split == "train" else self.test


@dataclass(frozen=True)
class Manifest:
    """What a data set holds, who made it, and its identity, `sha256`: that of the list of its shards.

    `growth` are the sizes it had before, oldest first; empty if it has not grown.
    """

    name: str
    class_names: tuple[str, ...]
    splits: Mapping[str, SplitEntry]
    config: Mapping[str, Any]
    config_hash: str
    models: Mapping[str, str]
    removals: Mapping[str, int]
    sha256: str
    created_by: str
    growth: tuple[EarlierSize, ...] = ()

    def earlier_rows(self, split: str) -> list[int]:
        """The rows that a split had at each earlier size, oldest first."""
        shards = self.splits[split].shards
        return [sum(shard.rows for shard in shards[: size.num_shards(split)]) for size in self.growth]


def parse_manifest(data: bytes, path: str) -> Manifest:
    """The manifest that the builder wrote, after its checksum and its rules were checked.

    Args:
        data: the bytes of manifest.json.
        path: named in errors.

    Raises:
        Cifar5mError: `json/corrupt`, `manifest/version-unsupported`, `manifest/invalid`.
    """
    value = unseal_json(data, path)
    version = value.get("version")
    if isinstance(version, (int, float)) and version not in (MANIFEST_VERSION, GROWN_MANIFEST_VERSION):
        raise Cifar5mError(
            "manifest/version-unsupported",
            f"{path} must have format version {MANIFEST_VERSION} or {GROWN_MANIFEST_VERSION}, got {version}. "
            "Use the release of cifar5m that wrote it, or build it again.",
        )
    root = _Fields(value, path, "")
    root.integer("version", MANIFEST_VERSION, GROWN_MANIFEST_VERSION)
    if root.take("imageShape") != [32, 32, 3]:
        raise root.refuse("imageShape", "must be [32, 32, 3]")
    splits = root.fields("splits")
    manifest = Manifest(
        name=root.text("name"),
        class_names=tuple(root.texts("classNames")),
        splits={name: _parse_split(splits.fields(name)) for name in SPLIT_NAMES},
        config=root.mapping("config"),
        config_hash=root.sha256("configHash"),
        models={name: root.fields("models").sha256(name) for name in root.mapping("models")},
        removals={reason: root.fields("removals").integer(reason) for reason in root.mapping("removals")},
        sha256=root.sha256("sha256"),
        created_by=root.text("createdBy"),
        growth=() if version == MANIFEST_VERSION else tuple(_parse_growth(root)),
    )
    root.require_no_more()
    splits.require_no_more()
    _require_consistent(manifest, path)
    return manifest


def hash_shards(shards: Mapping[str, Sequence[ShardEntry]], growth: Sequence[EarlierSize] = ()) -> str:
    """The identity of a data set: sha256 over names and hashes of its shards, train before test; then earlier sizes."""
    lines = [f"{shard.file} {shard.sha256}\n" for name in SPLIT_NAMES for shard in shards[name]]
    sizes = [f"grown {size.train} {size.test} {size.sha256}\n" for size in growth]
    return hashlib.sha256("".join(lines + sizes).encode()).hexdigest()


def _parse_growth(root: _Fields) -> Iterator[EarlierSize]:
    sizes = root.items("growth")
    if not sizes:
        raise root.refuse("growth", "must not be empty")
    for size in sizes:
        yield EarlierSize(size.integer("train"), size.integer("test"), size.sha256("sha256"))
        size.require_no_more()


def _parse_split(fields: _Fields) -> SplitEntry:
    shards = []
    for shard in fields.items("shards"):
        file = shard.text("file")
        if not _SHARD_FILE.fullmatch(file):
            raise shard.refuse("file", "must be like train/part-00000.arrow, inside the folder")
        shards.append(
            ShardEntry(
                file=file,
                rows=shard.integer("rows"),
                bytes=shard.integer("bytes", 0, _MAX_SHARD_BYTES),
                sha256=shard.sha256("sha256"),
                id_start=shard.integer("idStart"),
                id_end=shard.integer("idEnd"),
            )
        )
        shard.require_no_more()
    split = SplitEntry(fields.integer("rows"), tuple(shards), tuple(fields.integers("classCounts")))
    fields.require_no_more()
    return split


def _require_consistent(manifest: Manifest, path: str) -> None:
    for name, split in manifest.splits.items():
        for shard in split.shards:
            # Memory is set aside by rows: those that the bytes cannot hold are a lie.
            if shard.rows * _MIN_ROW_BYTES > shard.bytes or shard.rows > shard.id_end - shard.id_start:
                raise _invalid(
                    path,
                    f"{shard.file} cannot hold {shard.rows} rows in {shard.bytes} bytes "
                    f"with ids in [{shard.id_start}, {shard.id_end})",
                )
        shard_rows, labeled = sum(shard.rows for shard in split.shards), sum(split.class_counts)
        if not (shard_rows == labeled == split.rows and len(split.class_counts) == len(manifest.class_names)):
            raise _invalid(
                path,
                f"{name} says {split.rows} rows, its shards {shard_rows}, "
                f"its {len(split.class_counts)} classes {labeled}",
            )
    shards = {name: split.shards for name, split in manifest.splits.items()}
    for index, size in enumerate(manifest.growth):
        following = manifest.growth[index + 1] if index + 1 < len(manifest.growth) else None
        for name in SPLIT_NAMES:
            count = size.num_shards(name)
            limit = len(shards[name]) if following is None else following.num_shards(name)
            if count > limit:
                raise _invalid(
                    path, f"growth must not have falling numbers of {name} shards, got {count}, then {limit}"
                )
        before = {name: shards[name][: size.num_shards(name)] for name in SPLIT_NAMES}
        if size.sha256 != hash_shards(before, manifest.growth[:index]):
            raise _invalid(path, "sha256 of an earlier size does not follow from the shards")
    if manifest.sha256 != hash_shards(shards, manifest.growth):
        raise _invalid(path, "sha256 does not follow from the shards")


def _invalid(path: str, what: str) -> Cifar5mError:
    return Cifar5mError("manifest/invalid", f"{path}: {what}. {DAMAGED_FILE_ADVICE}")


class _Fields:
    """Checked access to the keys of a JSON object; what is not asked for is refused at the end."""

    def __init__(self, value: Any, path: str, prefix: str) -> None:
        if not isinstance(value, dict):
            raise _invalid(path, f"{prefix.rstrip('.') or 'it'} must be an object, got {value!r}")
        self._value, self._path, self._prefix = value, path, prefix
        self._taken: set[str] = set()

    def refuse(self, key: str, rule: str) -> Cifar5mError:
        seen = repr(self._value[key]) if key in self._value else "nothing"
        return _invalid(self._path, f"{self._prefix}{key} {rule}, got {seen[:200]}")

    def take(self, key: str) -> Any:
        if key not in self._value:
            raise self.refuse(key, "must be there")
        self._taken.add(key)
        return self._value[key]

    def text(self, key: str) -> str:
        value = self.take(key)
        if not (isinstance(value, str) and value):
            raise self.refuse(key, "must be a string that is not empty")
        return value

    def sha256(self, key: str) -> str:
        value = self.take(key)
        if not (isinstance(value, str) and _SHA256.fullmatch(value)):
            raise self.refuse(key, "must be 64 hexadecimal digits")
        return value

    def integer(self, key: str, low: int = 0, high: int = MAX_INTEGER) -> int:
        value = self.take(key)
        if not (type(value) is int and low <= value <= high):
            raise self.refuse(key, f"must be an integer in [{low}, {high}]")
        return value

    def integers(self, key: str) -> list[int]:
        values = self._list(key)
        if not all(type(value) is int and 0 <= value <= MAX_INTEGER for value in values):
            raise self.refuse(key, f"must hold integers in [0, {MAX_INTEGER}]")
        return values

    def texts(self, key: str) -> list[str]:
        values = self._list(key)
        if not (values and all(isinstance(value, str) and value for value in values)):
            raise self.refuse(key, "must hold texts that are not empty, at least one")
        return values

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.take(key)
        if not isinstance(value, dict):
            raise self.refuse(key, "must be an object")
        return value

    def fields(self, key: str) -> _Fields:
        return _Fields(self.take(key), self._path, f"{self._prefix}{key}.")

    def items(self, key: str) -> list[_Fields]:
        return [
            _Fields(value, self._path, f"{self._prefix}{key}.{index}.") for index, value in enumerate(self._list(key))
        ]

    def require_no_more(self) -> None:
        for key in self._value:
            if key not in self._taken:
                raise self.refuse(key, "must not be there: this release does not know the key")

    def _list(self, key: str) -> list[Any]:
        value = self.take(key)
        if not isinstance(value, list):
            raise self.refuse(key, "must be a list")
        return value
