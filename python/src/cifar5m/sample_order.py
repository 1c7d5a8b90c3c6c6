"""Which row of the split is served at a position: docs/order.md, section 5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .permutation import Rows
from .shuffle import Shuffle, ShuffleKind, make_pool_shuffle, make_shuffle

Regime = Literal["finite", "infinite"]


class SampleOrder:
    """The order of a regime. Pure: rows are a function of (seed, epoch, position).

    Args:
        pool_size: rows to serve.
        earlier_rows: how many there were before the set grew, rising.
    """

    def __init__(
        self,
        regime: Regime,
        pool_size: int,
        num_samples: int,
        seed: int,
        shuffle: ShuffleKind,
        earlier_rows: Sequence[int] = (),
    ) -> None:
        self._regime, self._num_samples, self._seed, self._shuffle = regime, num_samples, seed, shuffle
        # What is not shuffled is still a random subset.
        self._pool = make_pool_shuffle("full" if shuffle == "none" else shuffle, pool_size, seed, earlier_rows)
        self._is_whole = num_samples == pool_size or num_samples in earlier_rows
        # Of one epoch. They are set at once: an interrupt never leaves an epoch with the shuffle of another.
        self._shuffle_of: tuple[int, Shuffle] | None = None

    def slots(self, epoch: int, positions: Rows) -> Rows:
        """Which samples of the subset are served, in [0, num_samples): int64, shape of positions."""
        if self._regime == "infinite":
            return positions
        held = self._shuffle_of
        if held is None or held[0] != epoch:
            held = epoch, make_shuffle(self._shuffle, self._num_samples, self._seed, 1 + epoch)
            self._shuffle_of = held
        return held[1](positions)

    def rows(self, slots: Rows) -> Rows:
        """The rows of the split that slots stand for."""
        return slots if self._regime == "finite" and self._is_whole else self._pool(slots)
