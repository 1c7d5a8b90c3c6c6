"""Ids and labels of the shards that were opened."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

# Rows that memory is first reserved for; it is taken as it is written to. Larger splits are copied as they grow.
_FIRST_ROWS = 2**24


class IdsAndLabels:
    """Ids and labels of shards in the order of their opening: 12 bytes a row, and none of shards that are closed.

    Any number of threads may read while one adds.

    Args:
        first_rows: int64, shape [shards]: the row of the split that each shard begins with, rising.
        num_rows: of the split.
    """

    def __init__(self, first_rows: Rows, num_rows: int) -> None:
        self._first_rows, self._num_rows = first_rows, num_rows
        # What to add to a row of a shard to get its index in the arrays.
        self._shifts = np.zeros(len(first_rows), np.int64)
        self._num_held = 0
        # Of one length: an interrupt never leaves one longer than the other.
        self._held = np.empty(0, np.int64), np.empty(0, np.int32)

    def add(self, shard: int, ids: Rows, labels: Rows) -> None:
        """Takes in the rows of a shard, int64, shape [rows] each. One thread at a time."""
        start, end = self._num_held, self._num_held + len(ids)
        all_ids, all_labels = self._held
        if end > len(all_ids):
            capacity = min(self._num_rows, max(end, 2 * len(all_ids), _FIRST_ROWS))
            # Threads that read meanwhile keep the arrays of before.
            self._held = all_ids, all_labels = _grow(all_ids, capacity, start), _grow(all_labels, capacity, start)
        all_ids[start:end], all_labels[start:end] = ids, labels
        self._shifts[shard] = start - self._first_rows[shard]
        self._num_held = end

    def read(self, rows: Rows) -> tuple[Rows, Rows]:
        """Ids and labels of rows of shards that were added: int64, shape [R] each."""
        shards = np.searchsorted(self._first_rows, rows, "right") - 1
        places = rows + self._shifts[shards]
        all_ids, all_labels = self._held
        return all_ids[places], all_labels[places].astype(np.int64)


def _grow(values: npt.NDArray[Any], capacity: int, num_held: int) -> npt.NDArray[Any]:
    grown: npt.NDArray[Any] = np.empty(capacity, values.dtype)
    grown[:num_held] = values[:num_held]
    return grown
