"""Which global batches there are, and where a loader stands: docs/order.md, sections 6 and 7."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import Cifar5mError
from .manifest import MAX_INTEGER
from .options import ResolvedOptions
from .shuffle import name_shuffle

STATE_VERSION = 2


@dataclass(frozen=True)
class Cursor:
    """Where the next sample is: an epoch and a position in it, over all ranks."""

    epoch: int
    position: int


@dataclass(frozen=True)
class EarlierPool:
    """What there was to serve before a set grew."""

    fingerprint: str
    num_rows: int


@dataclass(frozen=True)
class BatchRange:
    """The positions [start, end) of one global batch."""

    epoch: int
    start: int
    end: int


class Schedule:
    """The global batches of a loader. Pure: a cursor tells all that follows."""

    def __init__(self, options: ResolvedOptions, fingerprint: str, earlier_pools: Sequence[EarlierPool] = ()) -> None:
        self._options = options
        self._earlier_pools = earlier_pools
        self.is_infinite = options.regime == "infinite"
        num_samples, batch_size = options.num_samples, options.batch_size
        self.batches_per_epoch = num_samples // batch_size if options.drop_last else -(-num_samples // batch_size)
        # Whether loops continue one sequence of batches. Otherwise each loop is an epoch.
        self.is_sequence = self.is_infinite or options.epochs is not None
        self.num_batches = self.batches_per_epoch * (1 if options.epochs is None else options.epochs)
        # What makes the order; a state is of use to a loader where all of it is equal.
        self._identity = {
            "version": STATE_VERSION,
            "dataset": fingerprint,
            "regime": options.regime,
            "seed": options.seed,
            "numSamples": num_samples,
            "shuffle": name_shuffle(options.shuffle),
        }

    def ranges(self, cursor: Cursor) -> Iterator[BatchRange]:
        """The global batches that a loop serves from a cursor on: of the sequence, or to the end of the epoch."""
        options, last_epoch = self._options, cursor.epoch
        while not self.is_finished(cursor) and (self.is_sequence or cursor.epoch == last_epoch):
            start, end = cursor.position, min(cursor.position + options.batch_size, options.num_samples)
            if start == end or (options.drop_last and end - start < options.batch_size):
                return
            batch = BatchRange(cursor.epoch, start, end)
            yield batch
            cursor = self.after(batch)

    def is_finished(self, cursor: Cursor) -> bool:
        """Whether a cursor lies after the last epoch."""
        return self._options.epochs is not None and cursor.epoch >= self._options.epochs

    def after(self, batch: BatchRange) -> Cursor:
        """The cursor after a batch."""
        return self.normalize(Cursor(batch.epoch, batch.end))

    def normalize(self, cursor: Cursor) -> Cursor:
        """The cursor itself, or the start of the next epoch where this one has no batch left."""
        options = self._options
        is_left = options.num_samples - cursor.position >= (options.batch_size if options.drop_last else 1)
        return cursor if self.is_infinite or is_left else Cursor(cursor.epoch + 1, 0)

    def step_of(self, batch: BatchRange) -> int:
        """Global batches before this one since the start, over all epochs."""
        return batch.epoch * self.batches_per_epoch + batch.start // self._options.batch_size

    def require_more(self, cursor: Cursor) -> None:
        """Raises `regime/exhausted` in the infinite regime, which ends only where no whole batch is left."""
        if not self.is_infinite:
            return
        first, last = cursor.position + 1, cursor.position + self._options.batch_size
        raise Cifar5mError(
            "regime/exhausted",
            f"the infinite regime was asked for images {first} to {last} of {self._options.num_samples}. "
            "Build more shards, stop earlier, or use the finite regime.",
        )

    def require_unfinished(self, cursor: Cursor) -> None:
        """Raises `loader/finished` for a cursor after the last epoch, where a further loop would silently be empty."""
        if self.is_infinite or not self.is_finished(cursor):
            return
        raise Cifar5mError(
            "loader/finished",
            f"the loader has served its last batch, {self._options.epochs} epochs of {self._options.num_samples} "
            "samples; a new loop does not start over. Make another loader to begin again, or ask for more epochs. "
            "To serve one epoch in each loop, leave epochs out.",
        )

    def to_state(self, cursor: Cursor) -> dict[str, Any]:
        """A cursor as JSON that the TypeScript loader takes too."""
        return {**self._identity, "epoch": cursor.epoch, "position": cursor.position}

    def from_state(self, state: Any) -> Cursor:
        """The cursor of a state.

        Raises:
            Cifar5mError: `loader-state/invalid`, `loader-state/version-unsupported`, `loader-state/mismatch`.
        """
        keys = {*self._identity, "epoch", "position"}
        if not isinstance(state, dict) or state.keys() != keys:
            if isinstance(state, dict) and isinstance(state.get("version"), int) and state["version"] != STATE_VERSION:
                raise self._unsupported(state["version"])
            what = f"the loader state must be a dict with the keys {', '.join(sorted(keys))}, got {state!r}"
            raise Cifar5mError("loader-state/invalid", f"{what}. Start without it.")
        if state["version"] != STATE_VERSION:
            raise self._unsupported(state["version"])
        for key, own in self._identity_of(state["dataset"]).items():
            if state[key] != own or type(state[key]) is not type(own):
                raise Cifar5mError(
                    "loader-state/mismatch",
                    f"{key} of the loader state is {state[key]!r}, this loader has {own!r}. "
                    "Resume with the data and options the state was taken with, or start without a state.",
                )
        highest = {"epoch": MAX_INTEGER, "position": self._options.num_samples - (0 if self.is_infinite else 1)}
        for key, high in highest.items():
            if type(state[key]) is not int or not 0 <= state[key] <= high:
                raise Cifar5mError(
                    "loader-state/invalid",
                    f"{key} of the loader state must be an integer in [0, {high}], got {state[key]!r}. "
                    "Start without it.",
                )
        self._require_rows_only(state)
        # With larger batches than before, the rest of the epoch may hold none.
        return self.normalize(Cursor(state["epoch"], state["position"]))

    def _require_rows_only(self, state: dict[str, Any]) -> None:
        """In TypeScript, live images may have followed the rows of an earlier size, where further rows follow now."""
        for pool in self._earlier_pools:
            is_taken_at = pool.fingerprint == state["dataset"] and self._options.num_samples > pool.num_rows
            if is_taken_at and state["position"] > pool.num_rows:
                raise Cifar5mError(
                    "loader-state/mismatch",
                    f"position of the loader state must be at most {pool.num_rows}, the rows of the set at the size "
                    f"that it names, got {state['position']}: live images followed, and in the set as it has grown "
                    f"they follow {self._options.num_samples} rows. Resume with the set at that size, or start "
                    "without a state.",
                )

    def _identity_of(self, dataset: Any) -> dict[str, Any]:
        """What a state of some data must hold: where the set has grown, that of an earlier size goes on too."""
        for pool in self._earlier_pools:
            if pool.fingerprint == dataset:
                # The infinite regime serves all that there is, and there was less.
                num_samples = pool.num_rows if self.is_infinite else self._options.num_samples
                return {**self._identity, "dataset": dataset, "numSamples": num_samples}
        return self._identity

    def _unsupported(self, version: Any) -> Cifar5mError:
        return Cifar5mError(
            "loader-state/version-unsupported",
            f"the loader state must have format version {STATE_VERSION}, got {version!r}. "
            "Use the release of cifar5m that took it, or start without it.",
        )
