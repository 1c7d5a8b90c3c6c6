"""The loader: epochs, worker processes, ranks and exact states."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing import get_all_start_methods
from multiprocessing.context import BaseContext
from typing import Any, SupportsIndex

import torch
from torch.utils.data import DataLoader, Sampler

from ..dataset import Dataset
from ..errors import Cifar5mError
from ..loader import BaseLoader
from ..opening import require_dataset
from ..options import WORKER_KEYS, LoaderOptions
from ..require import require_choice, require_integer
from ..schedule import BatchRange
from ..unpack import Unpack
from .tensor_source import TensorBatch, TensorSource, torch_group, with_torch_defaults


class Loader(BaseLoader[torch.Tensor]):
    """Batches of tensors in the order of a regime, made by any number of worker processes.

    Worker processes get the ranges of the batches they are to make, so neither the batches nor the states depend on how
    many there are, and the workers live from epoch to epoch. See `cifar5m.loader.BaseLoader` for epochs and errors,
    `LoaderOptions` for options; `layout` is NCHW unless told otherwise, rank and world_size are those of
    torch.distributed where it is initialized.

    Args:
        num_workers: processes that make batches ahead, in [0, 256]. They pay where images are augmented or converted.
        pin_memory: hand out tensors in page-locked memory, if this machine has an accelerator that reads from it.
        prefetch_factor: batches that each worker makes ahead, at least 1.
        multiprocessing_context: `fork`, `spawn` or `forkserver`, or a context; None for Python's default.

    Raises:
        Cifar5mError: `loader/…`, `options/unknown-key` for options out of range. A loop raises
            `loader/wrong-group` if torch.distributed was initialized after the loader was made, unless it was given
            rank and world_size.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        num_workers: SupportsIndex = 0,
        pin_memory: bool = False,
        prefetch_factor: SupportsIndex = 2,
        multiprocessing_context: str | BaseContext | None = None,
        **options: Unpack[LoaderOptions],
    ) -> None:
        self._group = torch_group(options)
        super().__init__(require_dataset(dataset), with_torch_defaults(options, self._group), WORKER_KEYS)
        self._group.warn_of_unequal_parts(self.batch_size)
        self.num_workers = workers = require_integer("num_workers", num_workers, 0, 256)
        # Also where there are no workers: the number of them is what people change.
        prefetch = require_integer("prefetch_factor", prefetch_factor, 1, 2**31)
        if multiprocessing_context is None or isinstance(multiprocessing_context, str):
            require_choice("multiprocessing_context", multiprocessing_context, (None, *get_all_start_methods()))
        self._ranges = _RangeSampler()
        source = TensorSource(self._source, self._options)
        self._new_batches: Callable[[], Any] = partial(_InProcess, source, self._ranges, pin_memory)
        if workers > 0:
            self._new_batches = partial(
                DataLoader,
                source,
                batch_size=None,
                sampler=self._ranges,
                num_workers=workers,
                pin_memory=pin_memory,
                prefetch_factor=prefetch,
                multiprocessing_context=multiprocessing_context,
                persistent_workers=True,
            )
        self._batches = self._new_batches()
        self._have_workers_begun = False

    def __iter__(self) -> Iterator[TensorBatch]:
        self._group.require_unchanged()
        return super().__iter__()

    def __getstate__(self) -> dict[str, Any]:
        # A copy stands where this one does, and has workers of its own.
        return {**self.__dict__, "_batches": None, "_have_workers_begun": False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._batches, self._serving = self._new_batches(), 0

    def _make_batches(self, ranges: Callable[[], Iterable[BatchRange]]) -> Iterator[TensorBatch]:
        self._ranges.ranges = ranges
        # Where a script leaves the loop open, it ends when Python does, after the names of modules were cleared.
        error_class = Cifar5mError
        try:
            yield from self._begin()
            return
        except error_class as error:
            code, message = error.code, error.message
            # torch raises the errors of workers in a frame that refers to them: a cycle that keeps queues and workers.
            traceback.clear_frames(error.__traceback__)
        except GeneratorExit:
            raise
        except BaseException:
            # An interrupt may have come anywhere in DataLoader, whose persistent iterator then serves batches of the
            # loop before, or waits for some that were taken.
            self._batches, self._have_workers_begun = self._new_batches(), False
            raise
        raise error_class(code, message)

    def _begin(self) -> Iterator[TensorBatch]:
        # DataLoader draws a seed for workers from the generator of the training, and does so again after a resume. It
        # draws it on the default device, which may be a GPU, or none that has numbers.
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            if self._have_workers_begun:
                try:
                    return iter(self._batches)
                except (RuntimeError, OSError):
                    if not _has_dead_worker(self._batches):
                        raise
                # An interrupt, or a lack of memory, has ended workers. DataLoader does not replace persistent ones.
                self._batches = self._new_batches()
            batches: Iterator[TensorBatch] = iter(self._batches)
        self._have_workers_begun = True
        return batches


class _RangeSampler(Sampler[BatchRange]):
    """The ranges of the loop that begins next."""

    def __init__(self) -> None:
        self.ranges: Callable[[], Iterable[BatchRange]] = tuple

    def __iter__(self) -> Iterator[BatchRange]:
        return iter(self.ranges())


class _InProcess:
    """What a DataLoader without workers does, without its overhead."""

    def __init__(self, source: TensorSource, ranges: _RangeSampler, pin_memory: bool) -> None:
        self._source, self._ranges, self._pin_memory = source, ranges, pin_memory and _can_pin()

    def __iter__(self) -> Iterator[TensorBatch]:
        for range in self._ranges:
            batch = self._source[range]
            yield batch.pin_memory() if self._pin_memory else batch


def _has_dead_worker(batches: Any) -> bool:
    workers = getattr(getattr(batches, "_iterator", None), "_workers", ())
    return not all(worker.is_alive() for worker in workers)


def _can_pin() -> bool:
    """Whether DataLoader, too, would pin memory here."""
    accelerators: Any = getattr(torch, "accelerator", None)
    # Older releases of torch know CUDA only.
    if accelerators is None:
        return torch.cuda.is_available()
    return bool(accelerators.is_available()) and accelerators.current_accelerator().type != "mps"
