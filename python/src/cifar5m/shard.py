"""One shard: a file that is checked when it is opened, and read where its rows lie."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrow_layout import read_layout, shard_columns
from .errors import DAMAGED_FILE_ADVICE, Cifar5mError
from .manifest import ShardEntry
from .positioned_file import PositionedFile

_HASHED_AT_ONCE = 2**20

# By path and sha256, the files whose bytes this process has hashed and found right. Forked processes inherit it.
_checked: dict[tuple[str, str], tuple[int, int, int, int]] = {}


def open_shard_file(path: str, entry: ShardEntry, verify: bool) -> PositionedFile:
    """Opens the file of a shard and compares it with the manifest.

    Args:
        verify: hash its bytes, unless this process has done so before.

    Raises:
        Cifar5mError: `shard/missing`, `shard/size-mismatch`, `shard/hash-mismatch`, `disk/…`.
    """
    try:
        file = PositionedFile(path)
    except Cifar5mError as error:
        if error.code != "disk/missing":
            raise
        what = f"{path} is listed in the manifest but does not exist. {DAMAGED_FILE_ADVICE}"
        raise Cifar5mError("shard/missing", what) from error
    if file.bytes != entry.bytes:
        what = f"{path} is {file.bytes} bytes, the manifest says {entry.bytes}. {DAMAGED_FILE_ADVICE}"
        raise Cifar5mError("shard/size-mismatch", what)
    if verify:
        _require_hash(file, entry)
    return file


def _require_hash(file: PositionedFile, entry: ShardEntry) -> None:
    if _checked.get((file.path, entry.sha256)) == file.identity:
        return
    actual = hash_file(file)
    if actual != entry.sha256:
        what = f"{file.path} is sha256 {actual[:12]}…, the manifest says {entry.sha256[:12]}…. {DAMAGED_FILE_ADVICE}"
        raise Cifar5mError("shard/hash-mismatch", what)
    mark_checked(file, entry)


def mark_checked(file: PositionedFile, entry: ShardEntry) -> None:
    """Notes that the bytes of an open file are those of an entry: it is not hashed again unless it changes."""
    _checked[(file.path, entry.sha256)] = file.identity


def hash_file(file: PositionedFile) -> str:
    """Hexadecimal sha256 of the bytes of an open file."""
    digest = hashlib.sha256()
    for position in range(0, file.bytes, _HASHED_AT_ONCE):
        digest.update(file.read(position, min(_HASHED_AT_ONCE, file.bytes - position)))
    return digest.hexdigest()


class Shard:
    """The rows of an open shard.

    Raises:
        Cifar5mError: `table/…`, `shard/rows-mismatch`.
    """

    def __init__(self, file: PositionedFile, entry: ShardEntry, num_classes: int) -> None:
        self._entry, self._num_classes, self._path = entry, num_classes, file.path
        columns = shard_columns(num_classes)
        self._columns = {column.name: column for column in columns}
        self._layout = read_layout(file, columns)
        if self._layout.rows != entry.rows:
            what = f"{file.path} holds {self._layout.rows} rows, the manifest says {entry.rows}. {DAMAGED_FILE_ADVICE}"
            raise Cifar5mError("shard/rows-mismatch", what)

    def read_column(self, file: PositionedFile, name: str) -> npt.NDArray[np.generic]:
        """A whole column: shape [rows], or [rows, width] of lists."""
        column = self._columns[name]
        values: npt.NDArray[np.generic] = np.empty((self._entry.rows, column.width), column.dtype)
        self.read_range(file, name, 0, values)
        return values if column.is_list else values[:, 0]

    def read_range(self, file: PositionedFile, name: str, first: int, values: npt.NDArray[Any]) -> None:
        """Fills `values`, contiguous of shape [R, width], with the rows of a column from `first` on."""
        column, starts = self._columns[name], self._layout.batch_starts
        target = values.view(np.uint8).reshape(-1).data
        row_bytes = column.width * column.dtype.itemsize
        row, last = first, first + len(values)
        while row < last:
            batch = int(np.searchsorted(starts, row, "right")) - 1
            end = min(last, int(starts[batch + 1]) if batch + 1 < len(starts) else self._entry.rows)
            position = int(self._layout.positions[name][batch]) + (row - int(starts[batch])) * row_bytes
            file.read_into(position, target[(row - first) * row_bytes : (end - first) * row_bytes])
            row = end

    def read_rows(self, file: PositionedFile, name: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.generic]:
        """Some rows of a column, in the order asked for: shape [R], or [R, width] of lists."""
        column = self._columns[name]
        row_bytes = column.width * column.dtype.itemsize
        batches = np.searchsorted(self._layout.batch_starts, rows, "right") - 1
        offsets = (rows - self._layout.batch_starts[batches]) * row_bytes
        values = np.empty((len(rows), row_bytes), np.uint8)
        file.read_rows(self._layout.positions[name][batches] + offsets, values)
        shaped = values.view(column.dtype)
        return shaped if column.is_list else shaped[:, 0]

    def read_ids_and_labels(self, file: PositionedFile) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """All ids and labels, checked: int64, shape [rows] each.

        Raises:
            Cifar5mError: `shard/bad-id` unless ids rise within the range of the manifest; `shard/bad-label`.
        """
        ids = self.read_column(file, "id").astype(np.int64)
        labels = self.read_column(file, "label").astype(np.int64)
        start, end = self._entry.id_start, self._entry.id_end
        bad = np.flatnonzero((ids < start) | (ids >= end) | (np.diff(ids, prepend=-1) <= 0))
        if bad.size:
            row = int(bad[0])
            rule = f"id of row {row} of {self._path} must lie in [{start}, {end}) and be larger than the one before"
            raise Cifar5mError("shard/bad-id", f"{rule}, got {ids[row]}. {DAMAGED_FILE_ADVICE}")
        bad = np.flatnonzero((labels < 0) | (labels >= self._num_classes))
        if bad.size:
            row = int(bad[0])
            rule = f"label of row {row} of {self._path} must lie in [0, {self._num_classes})"
            raise Cifar5mError("shard/bad-label", f"{rule}, got {labels[row]}. {DAMAGED_FILE_ADVICE}")
        return ids, labels
