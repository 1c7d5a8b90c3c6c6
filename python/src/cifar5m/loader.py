"""Batches in the order of a regime."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, SupportsIndex, TypeVar

import numpy as np
import numpy.typing as npt

from .batch import Batch
from .batch_maker import BatchMaker
from .errors import Cifar5mError
from .manifest import MAX_INTEGER
from .options import LoaderOptions, ResolvedOptions, resolve_options
from .require import require_integer
from .schedule import BatchRange, Cursor, Schedule

if TYPE_CHECKING:
    from .dataset import Dataset

Array = TypeVar("Array")
NumpyBatch = Batch[npt.NDArray[Any]]


class BatchSource:
    """Makes the batch of any range: what worker processes get. Nothing in it depends on what was served before."""

    def __init__(self, dataset: Dataset, options: ResolvedOptions, schedule: Schedule) -> None:
        self.dataset, self._options, self._schedule = dataset, options, schedule
        self._maker: BatchMaker | None = None

    def require_open(self) -> None:
        """Raises `dataset/closed`: worker processes have copies of the data set, which nobody closes."""
        self.dataset.require_open()

    def __getitem__(self, batch: BatchRange) -> NumpyBatch:
        if self._maker is None:
            self._maker = self.dataset.batch_maker(self._options, self._schedule)
        return self._maker.make(batch)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maker": None}


class BaseLoader(Generic[Array]):
    """A cursor in the order of a regime, and the batches from there on.

    In the finite regime, every `for` is one epoch: the first the one the loader stands in, each other the next. A loop
    that was left early is over, unless its state is loaded. Where `epochs` is given, and in the infinite regime, the
    loader is one sequence of batches: a loop serves all that is left, and goes on where the last one was left; loops
    that run at once take turns. `iter(loader)` moves nothing: a loop begins when its first batch is asked for.

    Iterating raises:
        Cifar5mError: `loader/finished` in a loop that begins after the last batch, except for the first one after a
            state was loaded; `regime/exhausted` when no whole batch is left; `loader/overtaken` in a loop over one
            epoch after another one began, and in any loop after a state was loaded; `dataset/closed`; `shard/…`,
            `table/…`, `disk/…`, `store/…` for data that cannot be read.
    """

    def __init__(self, dataset: Dataset, options: LoaderOptions, more_keys: Sequence[str] = ()) -> None:
        self._options = resolve_options(options, len(dataset), more_keys)
        self._schedule = Schedule(self._options, dataset.fingerprint, dataset.earlier_pools())
        self._source = BatchSource(dataset, self._options, self._schedule)
        self._cursor = Cursor(0, 0)
        # Whether no loop began since the cursor was set: it then begins there, else in the next epoch.
        self._is_fresh = True
        self._num_loops = 0
        # Loops before it are over; and the loop whose batches are being made.
        self._first_valid, self._serving = 1, 0

    @property
    def dataset(self) -> Dataset:
        """What it serves."""
        return self._source.dataset

    @property
    def batch_size(self) -> int:
        """Samples of a global batch, over all ranks."""
        return self._options.batch_size

    @property
    def batches_per_epoch(self) -> int:
        """Global batches of an epoch, equal on all ranks."""
        return self._schedule.batches_per_epoch

    def __len__(self) -> int:
        """Global batches of a loop that begins at the start: of an epoch, of all `epochs`, or of the whole pool.

        Raises:
            TypeError: for `epochs=math.inf`.
        """
        return finite_length(self._schedule)

    def __getitem__(self, index: Any) -> NoReturn:
        """Raises `loader/out-of-range`: a DataLoader that was given a loader asks for its samples."""
        raise Cifar5mError(
            "loader/out-of-range",
            "a loader must be iterated, it was asked for a sample by index: it is already what a DataLoader would be. "
            "Iterate it, or give a DataLoader cifar5m.torch.IterableDataset or MapDataset.",
        )

    def __repr__(self) -> str:
        options, cursor = self._options, self._cursor
        what = f"{options.regime}, {options.num_samples} samples in batches of {self.batch_size}"
        return (
            f"<cifar5m Loader of {self.dataset.fingerprint}: {what}; epoch {cursor.epoch}, position {cursor.position}>"
        )

    def __iter__(self) -> Iterator[Batch[Array]]:
        # A generator: whoever asks for an iterator and takes no batch, as frameworks do to look, moves nothing.
        loop = self._begin_loop()
        batches: Iterator[Batch[Array]] = iter(())
        while True:
            self._require_valid(loop)
            self._source.require_open()
            range = next(self._schedule.ranges(self._cursor), None)
            if range is None:
                self._schedule.require_more(self._cursor)
                return
            if self._serving != loop:
                # It must not refer to the loader: in a cycle, the queues of workers may be collected before they end.
                batches, self._serving = self._make_batches(partial(self._schedule.ranges, self._cursor)), loop
            batch = next(batches)
            self._cursor = after = self._schedule.after(range)
            yield batch
            if not self._schedule.is_sequence and after.epoch > range.epoch:
                return

    def _begin_loop(self) -> int:
        cursor, is_by_epoch = self._cursor, not self._schedule.is_sequence
        if not self._is_fresh and is_by_epoch and cursor.position > 0:
            cursor = Cursor(cursor.epoch + 1, 0)
        if not self._is_fresh:
            self._schedule.require_unfinished(cursor)
        self._cursor, self._is_fresh = cursor, False
        self._num_loops += 1
        if is_by_epoch:
            self._first_valid = self._num_loops
        return self._num_loops

    def _require_valid(self, loop: int) -> None:
        # Before a batch is taken: worker processes have one queue, which is that of the loop that took the last one.
        if loop < self._first_valid:
            raise Cifar5mError(
                "loader/overtaken",
                "a loop over one epoch must end before another one begins or a state is loaded, and one of these "
                "happened. Make one loader for each loop.",
            )

    def _set_cursor(self, cursor: Cursor) -> None:
        self._cursor, self._is_fresh, self._first_valid = cursor, True, self._num_loops + 1

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: after the batch that was handed out last.

        It is JSON that the TypeScript loader takes too, equal on all ranks, and valid for any rank, world size, batch
        size and number of workers.
        """
        return self._schedule.to_state(self._cursor)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a state was taken, here or in TypeScript.

        Raises:
            Cifar5mError: `loader-state/…` for a state of other data or of another order.
        """
        self._set_cursor(self._schedule.from_state(state))

    def set_epoch(self, epoch: SupportsIndex) -> None:
        """Lets the next loop be that of an epoch.

        It keeps the position of a state that was loaded, if the state is of this epoch. In the infinite regime, which
        has one epoch, it does nothing.

        Raises:
            Cifar5mError: `loader/out-of-range` where `epochs` is given: a loop is then more than one epoch.
        """
        number = require_epoch(self._options, epoch)
        if self._schedule.is_infinite or (self._is_fresh and number == self._cursor.epoch):
            return
        self._set_cursor(Cursor(number, 0))

    def _make_batches(self, ranges: Callable[[], Iterable[BatchRange]]) -> Iterator[Batch[Array]]:
        raise NotImplementedError


class Loader(BaseLoader[npt.NDArray[Any]]):
    """Batches of numpy arrays. Made by `Dataset.loader`; see `BaseLoader` and `LoaderOptions`."""

    def _make_batches(self, ranges: Callable[[], Iterable[BatchRange]]) -> Iterator[NumpyBatch]:
        for range in ranges():
            yield transform_images(self._source[range], range, self._options)


def finite_length(schedule: Schedule) -> int:
    """Global batches of a loop from the start. Raises TypeError where there is no end."""
    num_batches = schedule.num_batches
    if isinstance(num_batches, float):
        raise TypeError("a loader with epochs=math.inf has no length; batches_per_epoch is that of an epoch")
    return num_batches


def require_epoch(options: ResolvedOptions, epoch: SupportsIndex) -> int:
    """The argument of set_epoch. Raises `loader/out-of-range`."""
    if options.regime == "finite" and options.epochs is not None:
        what = f"epochs must be left out where set_epoch chooses the epoch of a loop, got {options.epochs}: a loop"
        raise Cifar5mError("loader/out-of-range", f"{what} serves all of them. Leave it out, or do not call set_epoch.")
    return require_integer("epoch", epoch, 0, MAX_INTEGER)


def transform_images(batch: Batch[Any], range: BatchRange, options: ResolvedOptions) -> Batch[Any]:
    """The batch with its images transformed, if there is a transform.

    The generators of numpy and Python, from which random transforms draw, are seeded by the batch. So transforms give
    the same images at any number of workers, and after a resume.
    """
    if options.transform is None:
        return batch
    seed = transform_seed(range, options)
    of_python, of_numpy = random.getstate(), np.random.get_state()
    random.seed(int.from_bytes(seed[6:12], "big"))
    np.random.seed(int.from_bytes(seed[12:16], "big"))
    try:
        return replace(batch, images=options.transform(batch.images))
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


def transform_seed(range: BatchRange, options: ResolvedOptions) -> bytes:
    """32 bytes that seed the random transforms of a batch; the first six are for the generator of a framework."""
    return hashlib.sha256(f"{options.seed} {range.epoch} {range.start} {options.rank}".encode()).digest()
