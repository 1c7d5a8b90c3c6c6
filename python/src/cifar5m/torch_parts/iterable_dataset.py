"""The iterable data set, for code that makes a DataLoader itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from multiprocessing.context import get_spawning_popen
from typing import Any, SupportsIndex

from torch.utils.data import IterableDataset as TorchIterableDataset
from torch.utils.data import get_worker_info

from ..dataset import Dataset
from ..errors import Cifar5mError
from ..loader import BatchSource, finite_length, require_epoch
from ..loop_table import LoopTable
from ..manifest import MAX_INTEGER
from ..opening import require_dataset
from ..options import LoaderOptions, resolve_options
from ..require import require_integer
from ..schedule import Cursor, Schedule
from ..unpack import Unpack
from .epoch_iterator import EpochIterator, first_cursor
from .tensor_source import TensorBatch, TensorSource, torch_group, with_torch_defaults


class IterableDataset(TorchIterableDataset[TensorBatch]):
    """Batches of tensors for a DataLoader with batch_size=None; the options are those of `Loader`.

        DataLoader(IterableDataset(dataset, regime="finite", batch_size=100), batch_size=None, num_workers=2)

    Every loop is the next epoch, at any number of workers, persistent or not, forked or spawned. Without workers, a
    loop begins when its first batch is asked for; with them, when `iter` starts them. Where `epochs` is given, and in
    the infinite regime, there is one loop; a second one raises `loader/finished`, since a DataLoader does not tell
    where the first was left.

    States: torchdata's StatefulDataLoader saves and resumes exactly at any number of workers; a state of it that was
    taken after the last batch of an epoch, but before its loop ended, goes on with the rest, which is empty. Over a
    plain DataLoader, `state_dict()` is exact without workers; with workers, which run ahead, it raises
    `loader-state/stale` unless it is told how many batches were taken.

    Raises:
        Cifar5mError: `loader/…`, `options/unknown-key` for options out of range. A loop raises `loader/wrong-group` as
            that of `Loader` does.
    """

    def __init__(self, dataset: Dataset, **options: Unpack[LoaderOptions]) -> None:
        self._group = torch_group(options)
        require_dataset(dataset)
        self._options = resolve_options(with_torch_defaults(options, self._group), len(dataset))
        self._group.warn_of_unequal_parts(self._options.batch_size)
        self._schedule = Schedule(self._options, dataset.fingerprint, dataset.earlier_pools())
        self._source = TensorSource(BatchSource(dataset, self._options, self._schedule), self._options)
        self._loops = LoopTable()

    def __len__(self) -> int:
        """Global batches of a loop, as `len` of `Loader`. Raises TypeError for `epochs=math.inf`."""
        return finite_length(self._schedule)

    def __iter__(self) -> Iterator[TensorBatch]:
        self._group.require_unchanged()
        return EpochIterator(self._source, self._options, self._schedule, self._loops)

    def __getstate__(self) -> dict[str, Any]:
        # A worker that is not forked begins the loop where nobody knows the group.
        if get_spawning_popen() is not None:
            self._group.require_unchanged()
        return self.__dict__

    def set_epoch(self, epoch: SupportsIndex) -> None:
        """Lets the next loop be that of an epoch, also in workers that live on. As `Loader.set_epoch`."""
        number = require_epoch(self._options, epoch)
        cursor = self._cursor_of(self._loops.next_loop)
        if not self._schedule.is_infinite and number != cursor.epoch:
            self._loops.start_next_at(Cursor(number, 0))

    def state_dict(self, num_batches: SupportsIndex | None = None) -> dict[str, Any] | None:
        """Where the loop stands, as JSON that the TypeScript loader takes too; equal on all ranks.

        Args:
            num_batches: global batches that the training took since the last loop began, at most those it had; needed
                where workers made them.

        Returns:
            The state; None in a worker, where StatefulDataLoader asks the iterator instead.

        Raises:
            Cifar5mError: `loader-state/stale` if only workers know; `loader/out-of-range`.
        """
        if get_worker_info() is not None:
            return None
        loop = self._loops.last_loop
        if num_batches is None:
            if loop < self._loops.start_loop:
                return self._schedule.to_state(self._cursor_of(self._loops.next_loop))
            cursor = self._loops.last_cursor
            if cursor is not None:
                return self._schedule.to_state(cursor)
            raise Cifar5mError(
                "loader-state/stale",
                "the state of an IterableDataset must be asked of who knows it: worker processes made its batches and "
                "run ahead. Use torchdata's StatefulDataLoader or cifar5m.torch.Loader, or pass num_batches.",
            )
        start = self._cursor_of(max(loop, self._loops.start_loop))
        num_taken = require_integer("num_batches", num_batches, 0, MAX_INTEGER)
        ranges = list(islice(self._schedule.ranges(start), num_taken))
        # Fewer ranges than asked for are all there are.
        require_integer("num_batches", num_taken, 0, len(ranges), "Pass the batches taken since the last loop began.")
        return self._schedule.to_state(self._schedule.after(ranges[-1]) if ranges else start)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Lets the next loop go on where a state was taken, here or in TypeScript.

        Raises:
            Cifar5mError: `loader-state/…` for a state of other data or of another order.
        """
        self._loops.start_next_at(self._schedule.from_state(state))

    def _cursor_of(self, loop: int) -> Cursor:
        return first_cursor(self._schedule, self._loops, loop)
