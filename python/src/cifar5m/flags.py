"""What an audit found out about the rows of a data set: flags.json, and the table flags.arrow that it describes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrow_layout import Column, read_layout
from .canonical_json import unseal_json
from .errors import Cifar5mError
from .manifest import MAX_INTEGER, SPLIT_NAMES, Manifest, ShardEntry
from .positioned_file import PositionedFile

FLAGS_NAME = "flags.json"
TABLE_NAME = "flags.arrow"
FLAGS_VERSION = 1
FLAG_NAMES = ("nearCopy", "memorized", "leak", "nearDuplicate", "mislabeled")

_NEAREST = (("Index", "<i8"), ("Mirrored", "u1"), ("Distance", "<f4"), ("SecondDistance", "<f4"))
_TYPES = {
    "id": "<i8",
    **dict.fromkeys(FLAG_NAMES, "u1"),
    **{split + name: dtype for split in SPLIT_NAMES for name, dtype in _NEAREST},
    "duplicateOf": "<i8",
}
_COLUMNS = tuple(Column(name, np.dtype(dtype), 1, False) for name, dtype in _TYPES.items())
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AGAIN = "Run `cifar5m audit` again."


@dataclass(frozen=True)
class FlagsDescription:
    """flags.json: the table's size and hash."""

    rows: int
    bytes: int
    sha256: str

    @property
    def entry(self) -> ShardEntry:
        """The table as an entry of a manifest: it is opened, fetched, cached and checked like a shard."""
        return ShardEntry(TABLE_NAME, self.rows, self.bytes, self.sha256, 0, MAX_INTEGER)


@dataclass(frozen=True)
class RowFlags:
    """What the flags say of one split.

    Attributes:
        ids: int64, shape [rows].
        is_kept: whether a row has the flags that were asked for, shape [rows].
        sha256: of the table.
    """

    ids: npt.NDArray[np.int64]
    is_kept: npt.NDArray[np.bool_]
    sha256: str


def parse_flags(data: bytes, manifest: Manifest, path: str) -> FlagsDescription:
    """The description that the audit wrote, after a check that it belongs to a data set and covers all of its rows.

    Raises:
        Cifar5mError: `json/corrupt`, `flags/invalid`, `flags/version-unsupported`, `flags/other-dataset`,
            `flags/partial`.
    """
    value = unseal_json(data, path)
    version = value.get("version")
    if isinstance(version, (int, float)) and version != FLAGS_VERSION:
        what = f"{path} must have format version {FLAGS_VERSION}, got {version}. Use the release that wrote it."
        raise Cifar5mError("flags/version-unsupported", what)
    _require_rules(value, path)
    if value["dataset"] != manifest.sha256:
        what = f"{path} must be of data set {manifest.sha256[:12]}…, it is of {value['dataset'][:12]}…. {_AGAIN}"
        raise Cifar5mError("flags/other-dataset", what)
    rows = sum(split.rows for split in manifest.splits.values())
    if value["rows"] != rows:
        what = f"{path} must cover all {rows} rows, it covers {value['rows']}. Run `cifar5m audit` without --sample."
        raise Cifar5mError("flags/partial", what)
    return FlagsDescription(value["rows"], value["bytes"], value["sha256"])


def missing_flags(location: str) -> Cifar5mError:
    """The error for a data set without flags."""
    what = f"{location} must hold {FLAGS_NAME}, and does not. Run `cifar5m audit` on it, or filter without flags."
    return Cifar5mError("flags/missing", what)


def wrong_table(path: str, what: str) -> Cifar5mError:
    """The error for a table that is not the described one."""
    return Cifar5mError("flags/wrong-table", f"{path} {what}. {_AGAIN}")


def resolve_flags(flags: Mapping[str, bool] | None) -> dict[str, bool]:
    """Checks the flags of a filter. Raises `dataset/unknown-flag`, `dataset/out-of-range`."""
    if flags is not None and not isinstance(flags, Mapping):
        what = f'flags must be a mapping of names to bools, got {flags!r}. Pass {{"leak": False}}, for example.'
        raise Cifar5mError("dataset/out-of-range", what)
    resolved = {}
    for name, wanted in (flags or {}).items():
        if name not in FLAG_NAMES:
            what = f"flags must be among {', '.join(FLAG_NAMES)}, got {name!r}. Choose among those."
            raise Cifar5mError("dataset/unknown-flag", what)
        if not isinstance(wanted, (bool, np.bool_)):
            what = f"flags[{name!r}] must be True or False, got {wanted!r}. Use False to leave such rows out."
            raise Cifar5mError("dataset/out-of-range", what)
        resolved[name] = bool(wanted)
    return resolved


def select_flagged(
    file: PositionedFile, description: FlagsDescription, manifest: Manifest, split: str, flags: Mapping[str, bool]
) -> RowFlags:
    """Reads the flags of a split from the open table.

    Raises:
        Cifar5mError: `flags/wrong-table`, `table/…`, `disk/…`.
    """
    layout = read_layout(file, _COLUMNS)
    if layout.rows != description.rows:
        raise wrong_table(file.path, f"must hold {description.rows} rows, it holds {layout.rows}")
    dtypes = {column.name: column.dtype for column in _COLUMNS}
    bounds = [*layout.batch_starts.tolist(), layout.rows]

    def read(name: str) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = np.empty(layout.rows, dtypes[name])
        for start, end, position in zip(bounds, bounds[1:], layout.positions[name].tolist(), strict=False):
            file.read_into(position, values[start:end].view(np.uint8).data)
        first = 0 if split == "train" else manifest.splits["train"].rows
        return values[first : first + manifest.splits[split].rows]

    is_kept = np.ones(manifest.splits[split].rows, np.bool_)
    for name, wanted in flags.items():
        values = read(name)
        bad = np.flatnonzero(values > 1)
        if bad.size:
            raise wrong_table(file.path, f"must hold 0 or 1 in column {name}, it holds {values[bad[0]]}")
        is_kept &= values == wanted
    return RowFlags(read("id"), is_kept, description.sha256)


def _require_rules(value: Mapping[str, Any], path: str) -> None:
    def is_count(key: str, largest: int) -> bool:
        number = value.get(key)
        return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= largest

    rules = {
        "version": is_count("version", FLAGS_VERSION),
        "rows": is_count("rows", MAX_INTEGER),
        "bytes": is_count("bytes", 2**31 - 1),
        **{key: bool(_SHA256.fullmatch(str(value.get(key)))) for key in ("dataset", "sha256")},
        "createdBy": isinstance(value.get("createdBy"), str) and value["createdBy"] != "",
        **{key: False for key in value if key not in _KEYS},
    }
    for key, is_right in rules.items():
        if not is_right:
            raise Cifar5mError("flags/invalid", f"{path}: {key}: not as expected, got {value.get(key)!r}. {_AGAIN}")


_KEYS = ("version", "dataset", "rows", "bytes", "sha256", "createdBy")
