"""Rows of one split by index. Nothing is read before the first row of a shard is asked for."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Protocol
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from .arrow_layout import IMAGE_BYTES
from .errors import Cifar5mError
from .flags import FlagsDescription
from .ids_and_labels import IdsAndLabels
from .manifest import Manifest, ShardEntry
from .positioned_file import PositionedFile
from .shard import Shard

Rows = npt.NDArray[np.int64]
Images = npt.NDArray[np.uint8]

# Shards kept open at most; a file beyond is opened anew when it is read again.
_MAX_OPEN_FILES = 128
# Shards asked for at once, at most. Their files are held until they are read: a small cache may drop them meanwhile.
_GROUP_SIZE = 32


class ShardSource(Protocol):
    """Where shards come from: a folder, or a server behind a cache."""

    location: str

    def open(self, entry: ShardEntry) -> PositionedFile:
        """The file of a shard, as large as listed and, where asked for, hashed."""

    def open_all(self, entries: list[ShardEntry]) -> list[PositionedFile]:
        """The files of several shards; where they must be fetched, several at once."""

    def open_flags(self, manifest: Manifest) -> tuple[PositionedFile, FlagsDescription]:
        """The table of flags beside the shards, checked against its description. Raises `flags/…`."""


class RowStore:
    """Rows of a split, from memory where all its images fit into `memory_bytes`, else by reads of 3,072 bytes.

    Ids and labels of each touched shard are kept: 12 bytes a row. Copies that other processes get by pickling are
    empty. Any number of threads may read.
    """

    def __init__(
        self, source: ShardSource, entries: tuple[ShardEntry, ...], num_classes: int, memory_bytes: float
    ) -> None:
        self._source, self._num_classes = source, num_classes
        self._entries = [entry for entry in entries if entry.rows > 0]
        ends = np.cumsum([0, *(entry.rows for entry in self._entries)], dtype=np.int64)
        self._first_rows, self.num_rows = ends[:-1], int(ends[-1])
        self.is_resident = self.num_rows * IMAGE_BYTES <= memory_bytes
        self._is_closed = False
        _stores.add(self)
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.RLock()
        self._is_open = np.zeros(len(self._entries), bool)
        # Shards whose images are in memory.
        self._is_filled = np.zeros(len(self._entries), bool)
        self._max_open_files = _most_open_files()
        self._shards: list[Shard | None] = [None] * len(self._entries)
        self._files: OrderedDict[int, PositionedFile] = OrderedDict()
        # Memory is taken as it is written to.
        self._images: Images | None = np.empty((self.num_rows, IMAGE_BYTES), np.uint8) if self.is_resident else None
        self._ids_and_labels = IdsAndLabels(self._first_rows, self.num_rows)

    def close(self) -> None:
        """Closes all files and frees memory. A thread that reads meanwhile reads to its end, or is told."""
        with self._lock:
            self._is_closed = True
            self._is_open = np.zeros(len(self._entries), bool)
            self._is_filled = np.zeros(len(self._entries), bool)
            self._files.clear()
            self._images = None
            self._ids_and_labels = IdsAndLabels(self._first_rows, self.num_rows)

    def require_open(self) -> None:
        """Raises `dataset/closed`."""
        if self._is_closed:
            what = f"{self._source.location} must be open, it was closed. Open it again."
            raise Cifar5mError("dataset/closed", what)

    def read_ids_and_labels(self, rows: Rows) -> tuple[Rows, Rows]:
        """Ids and labels: int64, shape [R] each."""
        held = self._ids_and_labels
        self._open_shards_of(rows)
        return held.read(rows)

    def read_images(self, rows: Rows) -> Images:
        """Images as stored: uint8, shape [R, 3072], in the order asked for."""
        held = self._images
        self._open_shards_of(rows)
        if held is not None:
            self._fill_shards_of(rows, held)
            return take_rows(held, rows)
        images: Images = self._gather("image", rows, np.empty((len(rows), IMAGE_BYTES), np.uint8))
        return images

    def read_neighbors(self, start: int, images: Images) -> None:
        """Fills uint8 [R, 3072] with the images of the rows from `start` on, by few reads."""
        end = start + len(images)
        self._open_shards_of(np.arange(start, end))
        for index in range(*np.searchsorted(self._first_rows, [start, end - 1], "right") - [1, 0]):
            first = int(self._first_rows[index])
            inside = range(max(start, first), min(end, first + self._entries[index].rows))
            target = images[inside.start - start : inside.stop - start]
            self._shard(index).read_range(self._file(index), "image", inside.start - first, target)

    def read_extra(self, name: str, rows: Rows) -> npt.NDArray[np.generic]:
        """`class` int64 [R], `confidence` float32 [R], or `probabilities` float32 [R, classes]."""
        self._open_shards_of(rows)
        shape = (len(rows), self._num_classes) if name == "probabilities" else (len(rows),)
        dtype = np.int64 if name == "class" else np.float32
        values: npt.NDArray[np.generic] = self._gather(name, rows, np.empty(shape, dtype))
        return values

    def read_labels_and_confidences(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Of the whole split: int64 [rows], and float32 [rows]."""
        labels, confidences = np.empty(self.num_rows, np.int64), np.empty(self.num_rows, np.float32)
        for index in self._open_in_groups(range(len(self._entries))):
            rows = slice(int(self._first_rows[index]), int(self._first_rows[index]) + self._entries[index].rows)
            shard, file = self._shard(index), self._file(index)
            labels[rows], confidences[rows] = shard.read_column(file, "label"), shard.read_column(file, "confidence")
        return labels, confidences

    def _gather(self, name: str, rows: Rows, out: Any) -> Any:
        shard_of = np.searchsorted(self._first_rows, rows, "right") - 1
        for index in np.unique(shard_of).tolist():
            inside = np.flatnonzero(shard_of == index)
            values = self._shard(index).read_rows(self._file(index), name, rows[inside] - self._first_rows[index])
            if len(inside) == len(rows):
                return values
            out[inside] = values
        return out

    def _open_shards_of(self, rows: Rows) -> None:
        for _ in self._open_in_groups(self._touched_but_not(self._is_open, rows)):
            pass

    def _touched_but_not(self, done: npt.NDArray[np.bool_], rows: Rows) -> list[int]:
        """The shards of some rows, each once, without those that are done."""
        if done.all():
            return []
        touched = np.unique(np.searchsorted(self._first_rows, rows, "right") - 1)
        indices: list[int] = touched[~done[touched]].tolist()
        return indices

    def _fill_shards_of(self, rows: Rows, images: Images) -> None:
        """Reads the images of the touched shards into memory. Other reads, as of labels, leave images alone."""
        for index in self._touched_but_not(self._is_filled, rows):
            with self._lock:
                if self._is_filled[index]:
                    continue
                start, shard = int(self._first_rows[index]), self._shard(index)
                images[start : start + self._entries[index].rows] = shard.read_column(self._file(index), "image")
                # Last: other threads read without the lock.
                self._is_filled[index] = True

    def _open_in_groups(self, indices: Sequence[int]) -> Iterator[int]:
        """Yields each shard once it is open. Raises `dataset/closed`."""
        self.require_open()
        size = min(_GROUP_SIZE, self._max_open_files)
        for start in range(0, len(indices), size):
            group = indices[start : start + size]
            with self._lock:
                closed = [index for index in group if index not in self._files]
            files = self._source.open_all([self._entries[index] for index in closed])
            for index, file in zip(closed, files, strict=True):
                self._keep(index, file)
            for index in group:
                self._open_shard(index)
                yield index

    def _open_shard(self, index: int) -> None:
        with self._lock:
            self.require_open()
            if self._is_open[index]:
                return
            file = self._file(index)
            shard = Shard(file, self._entries[index], self._num_classes)
            ids, labels = shard.read_ids_and_labels(file)
            self._ids_and_labels.add(index, ids, labels)
            self._shards[index] = shard
            # Last: other threads read without the lock.
            self._is_open[index] = True

    def _shard(self, index: int) -> Shard:
        shard = self._shards[index]
        assert shard is not None, "rows are read after their shards were opened"
        return shard

    def _file(self, index: int) -> PositionedFile:
        with self._lock:
            self.require_open()
            file = self._files.pop(index, None) or self._source.open(self._entries[index])
            self._keep(index, file)
            return file

    def _keep(self, index: int, file: PositionedFile) -> None:
        with self._lock:
            if self._is_closed:
                return
            self._files[index] = file
            if len(self._files) > self._max_open_files:
                # Whoever reads from it keeps it open until done.
                self._files.popitem(last=False)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_source", "_num_classes", "_entries", "_first_rows", "num_rows", "is_resident", "_is_closed")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _stores.add(self)
        self._forget()

    def _begin_in_child(self) -> None:
        """In a forked process: a thread that holds the lock was left behind, in the middle of a change."""
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self._forget()


_stores: WeakSet[RowStore] = WeakSet()


def _begin_in_child() -> None:
    for store in list(_stores):
        store._begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


def _most_open_files() -> int:
    """Files that one split keeps open: a small part of what the process may open, which has other splits and sets."""
    try:
        import resource
    except ImportError:
        return _MAX_OPEN_FILES
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MAX_OPEN_FILES if limit == resource.RLIM_INFINITY else min(_MAX_OPEN_FILES, max(4, limit // 8))


def take_rows(images: Images, rows: Rows) -> Images:
    """Rows of an array, which are known to be there: faster where numpy need not check them first."""
    return np.take(images, rows, axis=0, out=np.empty((len(rows), IMAGE_BYTES), np.uint8), mode="clip")
