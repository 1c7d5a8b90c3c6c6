"""cifar5m for PyTorch.

    from cifar5m.torch import Loader

    loader = Loader(dataset, regime="finite", num_samples=1000, batch_size=100, num_workers=2)
    for epoch in range(3):
        for images, labels, ids in loader:
            ...  # uint8 [100, 3, 32, 32], int64 [100], int64 [100]

`Loader` is the whole of it: epochs, worker processes, ranks and exact states. `IterableDataset` and `MapDataset` are
for code that makes a DataLoader itself.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Sampler, get_worker_info
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset as TorchIterableDataset

from .batch import Batch
from .dataset import Dataset
from .errors import Cifar5mError
from .image_format import ImageWriter
from .loader import BaseLoader, BatchSource, NumpyBatch, transform_images
from .loop_table import LoopTable
from .manifest import MAX_INTEGER
from .options import LoaderOptions, ResolvedOptions, require_integer, resolve_format, resolve_options
from .schedule import BatchRange, Place, Schedule

if TYPE_CHECKING:
    from typing_extensions import Unpack

TensorBatch = Batch[torch.Tensor]


class Loader(BaseLoader[torch.Tensor]):
    """Batches of tensors in the order of a regime, made by any number of worker processes.

    Worker processes get the ranges of the batches they are to make, so neither the batches nor the states depend on how
    many there are, and the workers live from epoch to epoch. See `cifar5m.loader.BaseLoader` for epochs and errors,
    `LoaderOptions` for options; `layout` is NCHW unless told otherwise, rank and world_size are those of
    torch.distributed where it is initialized.

    Args:
        num_workers: processes that make batches ahead, in [0, 256]. They pay where images are augmented or converted.
        pin_memory: hand out tensors in page-locked memory.
        prefetch_factor: batches that each worker makes ahead.
        multiprocessing_context: `fork`, `spawn` or `forkserver`; None for Python's default.

    Raises:
        Cifar5mError: `loader/…`, `options/unknown-key` for options out of range.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        num_workers: int = 0,
        pin_memory: bool = False,
        prefetch_factor: int = 2,
        multiprocessing_context: str | None = None,
        **options: Unpack[LoaderOptions],
    ) -> None:
        super().__init__(dataset, with_torch_defaults(options))
        self._num_workers = require_integer("num_workers", num_workers, 0, 256)
        self._pin_memory = pin_memory
        self._ranges = _RangeSampler()
        source = _TensorSource(self._source, self._options)
        self._batches: Any = _InProcess(source, self._ranges, pin_memory)
        if self._num_workers > 0:
            self._batches = DataLoader(
                source,
                batch_size=None,
                sampler=self._ranges,
                num_workers=self._num_workers,
                pin_memory=pin_memory,
                prefetch_factor=prefetch_factor,
                multiprocessing_context=multiprocessing_context,
                persistent_workers=True,
            )

    def _make_batches(self, ranges: Callable[[], Iterable[BatchRange]]) -> Iterator[TensorBatch]:
        self._ranges.ranges = ranges
        try:
            yield from self._batches
            return
        except Cifar5mError as error:
            code, message = error.code, error.message
            # torch raises the errors of workers in a frame that refers to them: a cycle that keeps queues and workers.
            traceback.clear_frames(error.__traceback__)
        raise Cifar5mError(code, message)


class IterableDataset(TorchIterableDataset[TensorBatch]):
    """Batches of tensors for a DataLoader with batch_size=None; the options are those of `Loader`.

        DataLoader(IterableDataset(dataset, regime="finite", batch_size=100), batch_size=None, num_workers=2)

    Every loop is the next epoch, at any number of workers, persistent or not, forked or spawned. The infinite regime
    has one loop; a second one raises `loader/finished`, since a DataLoader does not tell where the first was left.

    States: torchdata's StatefulDataLoader saves and resumes exactly at any number of workers; a state of it that was
    taken after the last batch of an epoch, but before its loop ended, goes on with the rest, which is empty. Over a
    plain DataLoader, `state_dict()` is exact without workers; with workers, which run ahead, it raises
    `loader-state/stale` unless it is told how many batches were taken.

    Raises:
        Cifar5mError: `loader/…`, `options/unknown-key` for options out of range.
    """

    def __init__(self, dataset: Dataset, **options: Unpack[LoaderOptions]) -> None:
        self._options = resolve_options(with_torch_defaults(options), len(dataset))
        self._schedule = Schedule(self._options, dataset.fingerprint)
        self._source = _TensorSource(BatchSource(dataset, self._options, self._schedule), self._options)
        self._loops = LoopTable()
        self._iterator: _EpochIterator | None = None

    def __len__(self) -> int:
        """Global batches of an epoch; in the infinite regime, of the whole pool."""
        return self._schedule.batches_per_epoch

    def __iter__(self) -> Iterator[TensorBatch]:
        worker = get_worker_info()
        loop = self._loops.begin(worker)
        place = self._place_of(loop)
        iterator = _EpochIterator(self._source, self._options, self._schedule, self._loops, loop, place)
        if worker is None:
            self._iterator = iterator
        return iterator

    def set_epoch(self, epoch: int) -> None:
        """Lets the next loop be that of an epoch, also in workers that live on. As `Loader.set_epoch`."""
        epoch = require_integer("epoch", epoch, 0, MAX_INTEGER)
        place = self._place_of(self._loops.next_loop)
        if not self._schedule.is_infinite and epoch != place.epoch:
            self._loops.start_next_at(Place(epoch, 0))

    def state_dict(self, num_batches: int | None = None) -> dict[str, Any] | None:
        """Where the loop stands, as JSON that the TypeScript loader takes too; equal on all ranks.

        Args:
            num_batches: global batches that the training took since the last loop began; needed where workers made
                them.

        Returns:
            The state; None in a worker, where StatefulDataLoader asks the iterator instead.

        Raises:
            Cifar5mError: `loader-state/stale` if only workers know.
        """
        if get_worker_info() is not None:
            return None
        loop = self._loops.last_loop
        if num_batches is None:
            if loop < self._loops.start_loop:
                return self._schedule.to_state(self._place_of(self._loops.next_loop))
            if self._iterator is not None and self._iterator.loop == loop:
                return self._schedule.to_state(self._iterator.place)
            raise Cifar5mError(
                "loader-state/stale",
                "the state of an IterableDataset must be asked of who knows it: worker processes made its batches and "
                "run ahead. Use torchdata's StatefulDataLoader or cifar5m.torch.Loader, or pass num_batches.",
            )
        place = self._place_of(max(loop, self._loops.start_loop))
        ranges = list(islice(self._schedule.ranges(place), require_integer("num_batches", num_batches, 0, MAX_INTEGER)))
        return self._schedule.to_state(self._schedule.after(ranges[-1]) if ranges else place)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Lets the next loop go on where a state was taken, here or in TypeScript.

        Raises:
            Cifar5mError: `loader-state/…` for a state of other data or of another order.
        """
        self._loops.start_next_at(self._schedule.from_state(state))

    def _place_of(self, loop: int) -> Place:
        """Where a loop begins."""
        position = self._loops.start_position if loop == self._loops.start_loop else 0
        return Place(0 if self._schedule.is_infinite else loop + self._loops.offset, position)


class MapDataset(TorchDataset[tuple[torch.Tensor, int]]):
    """Samples (image, label) by index, for a DataLoader or sampler of your own.

    It serves no regime: order, batches and states are those of your sampler. Augmentation, which depends on the
    position in an epoch, is that of your transform.

    Args:
        layout, dtype, normalize: as in `LoaderOptions`; NCHW by default, for an image [3, 32, 32].
        transform: called with each image in its final form.

    Raises:
        Cifar5mError: `loader/out-of-range`.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        layout: str = "NCHW",
        dtype: str = "uint8",
        normalize: Any = False,
        transform: Callable[[torch.Tensor], Any] | None = None,
    ) -> None:
        self._dataset, self._transform = dataset, transform
        self._writer = ImageWriter(resolve_format({"layout": layout, "dtype": dtype, "normalize": normalize}))

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[torch.Tensor, int]]:
        """Samples of a batch at once; DataLoader prefers it."""
        samples = self._dataset.read(indices)
        images: Iterable[Any] = torch.from_numpy(self._writer(samples.images, None))
        if self._transform is not None:
            images = map(self._transform, images)
        return list(zip(images, samples.labels.tolist(), strict=True))


def with_torch_defaults(options: LoaderOptions) -> LoaderOptions:
    """NCHW, and the rank and world size of torch.distributed where it is initialized."""
    is_group = torch.distributed.is_available() and torch.distributed.is_initialized()
    group: LoaderOptions = (
        {"rank": torch.distributed.get_rank(), "world_size": torch.distributed.get_world_size()} if is_group else {}
    )
    given: Any = {key: value for key, value in options.items() if value is not None}
    return {"layout": "NCHW", **group, **given}


class _TensorSource(TorchDataset[TensorBatch]):
    """The batch of any range as tensors, transformed."""

    def __init__(self, source: BatchSource, options: ResolvedOptions) -> None:
        self._source, self._options = source, options

    def __getitem__(self, batch: BatchRange) -> TensorBatch:
        made: NumpyBatch = self._source[batch]
        tensors: TensorBatch = made.map(torch.from_numpy)
        transform = self._options.transform
        if transform is None:
            return tensors
        # Random transforms draw from torch's own generator. Seeded by the batch, they give the same images at any
        # number of workers, and after a resume.
        identity = f"{self._options.seed} {batch.epoch} {batch.start} {self._options.rank}"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int.from_bytes(hashlib.sha256(identity.encode()).digest()[:6], "big"))
            return transform_images(tensors, transform)


class _RangeSampler(Sampler[BatchRange]):
    """The ranges of the loop that begins next."""

    def __init__(self) -> None:
        self.ranges: Callable[[], Iterable[BatchRange]] = tuple

    def __iter__(self) -> Iterator[BatchRange]:
        return iter(self.ranges())


class _InProcess:
    """What a DataLoader without workers does, without its overhead."""

    def __init__(self, source: _TensorSource, ranges: _RangeSampler, pin_memory: bool) -> None:
        self._source, self._ranges, self._pin_memory = source, ranges, pin_memory

    def __iter__(self) -> Iterator[TensorBatch]:
        for range in self._ranges:
            batch = self._source[range]
            yield batch.pin_memory() if self._pin_memory else batch


class _EpochIterator(Iterator[TensorBatch]):
    """One loop, or a worker's part of it: batches i, i + n, … of worker i of n."""

    def __init__(
        self,
        source: _TensorSource,
        options: ResolvedOptions,
        schedule: Schedule,
        loops: LoopTable,
        loop: int,
        place: Place,
    ) -> None:
        worker = get_worker_info()
        self._source, self._options, self._schedule, self._loops, self.loop = source, options, schedule, loops, loop
        self._first, self._step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        self._start_at(place, self._first)

    def _start_at(self, start: Place, next_batch: int) -> None:
        self._start, self._next_batch, self.place = start, next_batch, start
        ranges = self._schedule.ranges(start)
        if self._step == 1:
            for range in islice(ranges, next_batch):
                self.place = self._schedule.after(range)
            self._ranges = ranges
        else:
            self._ranges = islice(ranges, next_batch, None, self._step)

    def __next__(self) -> TensorBatch:
        # Not when the loop begins: an error there would end a worker that lives on, and DataLoader would not tell why.
        self._require_a_loop()
        range = next(self._ranges, None)
        if range is None:
            # The one worker whose turn it is finds no whole batch left in the infinite regime; the others just end.
            self._schedule.require_more(Place(self._start.epoch, self._end_position()))
            raise StopIteration
        batch = self._source[range]
        self._next_batch += self._step
        self.place = self._schedule.after(range)
        return batch

    def _require_a_loop(self) -> None:
        if self._schedule.is_infinite and self.loop > self._loops.start_loop:
            raise Cifar5mError(
                "loader/finished",
                "the infinite regime has one loop over an IterableDataset, another one was begun. "
                "Use cifar5m.torch.Loader, which goes on where a loop was left, or load a state first.",
            )
        self._schedule.require_unfinished(self._start)

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
        """Goes on there, and lets the next loop be that of the next epoch."""
        for key, own in {"batchSize": self._options.batch_size, "step": self._step}.items():
            if state.get(key) != own:
                raise Cifar5mError(
                    "loader-state/mismatch",
                    f"{key} of the state of the DataLoader is {state.get(key)!r}, this one has {own}. "
                    "Resume with the batch size and number of workers the state was taken with.",
                )
        start = self._schedule.from_state(state["start"])
        self._loops.set_epoch_of(self.loop, start.epoch)
        self._start_at(start, require_integer("nextBatch", state["nextBatch"], 0, MAX_INTEGER))
