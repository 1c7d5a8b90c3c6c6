"""One loop over an iterable data set, and its state."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch.utils.data import get_worker_info

from ..errors import Cifar5mError
from ..loop_table import LoopTable
from ..manifest import MAX_INTEGER
from ..options import ResolvedOptions
from ..require import require_integer
from ..schedule import Cursor, Schedule
from .tensor_source import TensorBatch, TensorSource


class EpochIterator(Iterator[TensorBatch]):
    """One loop, or a worker's part of it: batches i, i + n, … of worker i of n.

    In a worker the loop begins now, elsewhere when its first batch is asked for, or a state is loaded.
    """

    def __init__(
        self,
        source: TensorSource,
        options: ResolvedOptions,
        schedule: Schedule,
        loops: LoopTable,
    ) -> None:
        worker = get_worker_info()
        self._source, self._options, self._schedule, self._loops = source, options, schedule, loops
        self._first, self._step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        self.loop = -1
        self._start_at(first_cursor(schedule, loops, loops.next_loop), self._first)
        if worker is not None:
            self._begin()

    def _begin(self) -> None:
        if self.loop < 0:
            self.loop = self._loops.begin(get_worker_info())
            self._start_at(first_cursor(self._schedule, self._loops, self.loop), self._first)
            self._loops.note_cursor(self.loop, self.cursor)

    def __getstate__(self) -> dict[str, Any]:
        # Python copies no generators.
        return {**self.__dict__, "_ranges": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_at(self._start, self._next_batch)

    def _start_at(self, start: Cursor, next_batch: int) -> None:
        self._start, self._next_batch, self.cursor = start, next_batch, start
        ranges = self._schedule.ranges(start)
        if self._step == 1:
            for range in islice(ranges, next_batch):
                self.cursor = self._schedule.after(range)
            self._ranges = ranges
        else:
            self._ranges = islice(ranges, next_batch, None, self._step)

    def __next__(self) -> TensorBatch:
        self._begin()
        # Not when the loop begins: an error there would end a worker that lives on, and DataLoader would not tell why.
        self._require_a_loop()
        range = next(self._ranges, None)
        if range is None:
            # The one worker whose turn it is finds no whole batch left in the infinite regime; the others just end.
            self._schedule.require_more(Cursor(self._start.epoch, self._end_position()))
            raise StopIteration
        batch = self._source[range]
        self._next_batch += self._step
        self.cursor = self._schedule.after(range)
        self._loops.note_cursor(self.loop, self.cursor)
        return batch

    def _require_a_loop(self) -> None:
        if not self._schedule.is_sequence or self.loop <= self._loops.start_loop:
            return
        what, action = "the infinite regime has", ""
        if not self._schedule.is_infinite:
            what, action = "epochs makes", "Leave epochs out for one epoch in each loop. "
        raise Cifar5mError(
            "loader/finished",
            f"{what} one loop over an IterableDataset, another one was begun. {action}"
            "Use cifar5m.torch.Loader, which goes on where a loop was left, or load a state first.",
        )

    def _end_position(self) -> int:
        left = self._options.num_samples - self._start.position
        return self._options.num_samples - left % self._options.batch_size

    def state_dict(self) -> dict[str, Any]:
        """For StatefulDataLoader: where this worker's part of the loop stands."""
        return {
            "start": self._schedule.to_state(self._start),
            "batchSize": self._options.batch_size,
            "step": self._step,
            "nextBatch": self._next_batch,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on there, and lets the loop after this one be that of the next epoch."""
        for key, own in {"batchSize": self._options.batch_size, "step": self._step}.items():
            if state.get(key) != own:
                raise Cifar5mError(
                    "loader-state/mismatch",
                    f"{key} of the state of the DataLoader is {state.get(key)!r}, this one has {own}. "
                    "Resume with the batch size and number of workers the state was taken with.",
                )
        start = self._schedule.from_state(state["start"])
        self._begin()
        self._loops.start_at(self.loop, start)
        self._start_at(start, require_integer("nextBatch", state["nextBatch"], 0, MAX_INTEGER))
        self._loops.note_cursor(self.loop, self.cursor)


def first_cursor(schedule: Schedule, loops: LoopTable, loop: int) -> Cursor:
    """Where a loop begins."""
    position = loops.start_position if loop == loops.start_loop else 0
    # A sequence has one loop; another one is refused when it asks for a batch.
    first = loops.start_loop if schedule.is_sequence else loop
    return Cursor(0 if schedule.is_infinite else first + loops.offset, position)
