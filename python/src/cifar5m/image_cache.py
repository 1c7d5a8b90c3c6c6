"""Images that a loader keeps in memory, because its order serves them again or soon."""

from __future__ import annotations

import numpy as np

from .arrow_layout import IMAGE_BYTES
from .options import ResolvedOptions
from .row_store import Images, Rows, RowStore, take_rows
from .shuffle import Blocked

# Rows that are read together: 196,608 bytes, which take far longer to copy than a system call.
_STRETCH_ROWS = 64
# What part of the images that were read must be served; below it, single reads are cheaper.
_LEAST_SERVED = 1 / 4


def choose_cache(
    store: RowStore, options: ResolvedOptions, is_whole: bool, memory_bytes: float
) -> SubsetCache | StretchCache | None:
    """The cache of a loader: a finite subset that fits into memory, else the stretches of its order.

    Args:
        is_whole: whether the order serves all rows of the split.

    Returns:
        None where each image is one read.
    """
    if store.is_resident:
        return None
    is_reused = options.regime == "finite" and options.epochs != 1
    if is_reused and options.num_samples * IMAGE_BYTES <= memory_bytes:
        return SubsetCache(store, options.num_samples)
    shuffle = options.shuffle
    if not is_whole or shuffle == "full":
        return None
    block_rows, window_blocks = options.batch_size, 1
    if isinstance(shuffle, Blocked):
        block_rows, window_blocks = shuffle.block_rows, shuffle.window_blocks
        if block_rows < _STRETCH_ROWS:
            return None
    # A block may begin and end within a stretch.
    per_block = -(-block_rows // _STRETCH_ROWS) + 1
    num_stretches = per_block * min(window_blocks, -(-store.num_rows // block_rows))
    fits = num_stretches * _STRETCH_ROWS * IMAGE_BYTES <= memory_bytes
    return StretchCache(store, num_stretches) if fits else None


class SubsetCache:
    """Images of a finite subset that is served again and again, by slot; filled as they are first read."""

    def __init__(self, store: RowStore, num_samples: int) -> None:
        self._store, self._num_samples = store, num_samples
        self._images: Images | None = None
        self._is_kept = np.zeros(num_samples, bool)

    def read_images(self, slots: Rows, rows: Rows) -> Images:
        """uint8, shape [B, 3072]."""
        if self._images is None:
            self._images = np.empty((self._num_samples, IMAGE_BYTES), np.uint8)
        missing = np.flatnonzero(~self._is_kept[slots])
        if missing.size:
            self._images[slots[missing]] = self._store.read_images(rows[missing])
            self._is_kept[slots[missing]] = True
        return take_rows(self._images, slots)


class StretchCache:
    """Images of an order that stays among neighboring rows for a while, such as a blocked shuffle.

    It reads stretches of neighbors instead of single rows, and keeps as many as the order moves among; a new one
    replaces the one that was read first. Where ranks or workers share an order among so many that few of the images it
    reads are served here, it goes over to single reads.
    """

    def __init__(self, store: RowStore, num_stretches: int) -> None:
        self._store, self._num_stretches = store, num_stretches
        self._images: Images | None = None
        self._frame_of = np.full(-(-store.num_rows // _STRETCH_ROWS), -1, np.int32)
        self._stretch_in = np.full(num_stretches, -1, np.int64)
        self._num_read = self._num_served = 0

    def read_images(self, slots: Rows, rows: Rows) -> Images:
        """uint8, shape [B, 3072]."""
        if self._images is None:
            self._images = np.empty((self._num_stretches * _STRETCH_ROWS, IMAGE_BYTES), np.uint8)
        stretches = rows // _STRETCH_ROWS
        missing = np.unique(stretches[self._frame_of[stretches] < 0])
        served_before = self._num_served < self._num_read * _STRETCH_ROWS * _LEAST_SERVED
        if missing.size and served_before and self._num_read >= self._num_stretches:
            return self._store.read_images(rows)
        for stretch in missing.tolist():
            self._read(stretch, self._images)
        self._num_served += len(rows)
        frames = self._frame_of[stretches]
        images = take_rows(self._images, frames * _STRETCH_ROWS + rows % _STRETCH_ROWS)
        # A batch that extends over two windows may need more stretches than there are frames.
        replaced = np.flatnonzero(frames < 0)
        if replaced.size:
            images[replaced] = self._store.read_images(rows[replaced])
        return images

    def _read(self, stretch: int, images: Images) -> None:
        frame = self._num_read % self._num_stretches
        self._num_read += 1
        if self._stretch_in[frame] >= 0:
            self._frame_of[self._stretch_in[frame]] = -1
        start = stretch * _STRETCH_ROWS
        num_rows = min(_STRETCH_ROWS, self._store.num_rows - start)
        first = frame * _STRETCH_ROWS
        self._store.read_neighbors(start, images[first : first + num_rows])
        self._stretch_in[frame], self._frame_of[stretch] = stretch, frame
