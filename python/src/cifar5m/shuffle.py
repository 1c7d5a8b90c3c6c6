"""Orders of [0, size): docs/order.md, section 4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .permutation import Permutation, Rows
from .philox import Stream

Shuffle = Callable[[Rows], Rows]


@dataclass(frozen=True)
class Blocked:
    """A shuffle for storage that reads neighboring rows fast.

    Rows are cut into blocks, the blocks are put in random order, and each window of some blocks is shuffled row by row.

    Attributes:
        block_rows: rows of a block, in [1, 2³¹].
        window_blocks: blocks of a window, in [1, 2³¹].
    """

    block_rows: int = 8192
    window_blocks: int = 8


ShuffleKind = Literal["full", "none"] | Blocked


def name_shuffle(kind: ShuffleKind) -> str:
    """The name that loader states hold."""
    return f"blocked-{kind.block_rows}-{kind.window_blocks}" if isinstance(kind, Blocked) else kind


def make_shuffle(kind: ShuffleKind, size: int, seed: int, id: int) -> Shuffle:
    """The order number `id` of a seed, as a function from int64 arrays of positions to entries."""
    if kind == "none":
        return lambda positions: positions
    if kind == "full":
        return Permutation(size, seed, Stream.PERMUTATION, id)
    return _BlockedShuffle(kind, size, seed, id)


# Numbers of the shuffles of what a set has grown by. Epochs do not come so far.
_FIRST_GROWTH_ID = 2**28


def make_pool_shuffle(kind: ShuffleKind, size: int, seed: int, earlier_rows: Sequence[int]) -> Shuffle:
    """The order of the pool.

    Of a set that has grown, the rows of each earlier size come before those that it then grew by.

    Args:
        earlier_rows: rows that the pool had before, rising; none if it has not grown.
    """
    starts = [start for start in dict.fromkeys([0, *earlier_rows]) if start < size]
    ends = [*starts[1:], size]
    shuffles = [
        make_shuffle(kind, end - start, seed, 0 if index == 0 else _FIRST_GROWTH_ID + index)
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    return shuffles[0] if len(shuffles) == 1 else _GrownShuffle(starts, shuffles)


class _GrownShuffle:
    def __init__(self, starts: Sequence[int], shuffles: Sequence[Shuffle]) -> None:
        self._starts, self._shuffles = np.array(starts), shuffles

    def __call__(self, positions: Rows) -> Rows:
        sizes = np.searchsorted(self._starts, positions, "right") - 1
        rows = np.empty_like(positions)
        for size in np.unique(sizes).tolist():
            inside, start = sizes == size, int(self._starts[size])
            rows[inside] = start + self._shuffles[size](positions[inside] - start)
        return rows


class _BlockedShuffle:
    def __init__(self, kind: Blocked, size: int, seed: int, id: int) -> None:
        num_blocks = -(-size // kind.block_rows)
        self._seed, self._id, self._block_rows = seed, id, kind.block_rows
        self._blocks = Permutation(num_blocks, seed, Stream.BLOCK_PERMUTATION, id)(np.arange(num_blocks))
        last_rows = size - (num_blocks - 1) * kind.block_rows
        rows = np.where(self._blocks == num_blocks - 1, last_rows, kind.block_rows)
        self._starts = np.append(0, np.cumsum(rows))
        self._window_starts = np.append(self._starts[: -1 : kind.window_blocks], size)

    def __call__(self, positions: Rows) -> Rows:
        windows = np.searchsorted(self._window_starts, positions, "right") - 1
        shuffled = np.empty_like(positions)
        for window in np.unique(windows).tolist():
            start, end = self._window_starts[window : window + 2].tolist()
            id = self._id * 2**24 + window
            permutation = Permutation(end - start, self._seed, Stream.WINDOW_PERMUTATION, id)
            inside = windows == window
            shuffled[inside] = start + permutation(positions[inside] - start)
        listed = np.searchsorted(self._starts, shuffled, "right") - 1
        rows: Rows = self._blocks[listed] * self._block_rows + shuffled - self._starts[listed]
        return rows
