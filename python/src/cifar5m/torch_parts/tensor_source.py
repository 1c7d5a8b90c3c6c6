"""Batches of tensors, and the options that PyTorch users expect."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data._utils.collate import default_collate_fn_map

from ..batch import Batch
from ..errors import Cifar5mError
from ..loader import BatchSource, NumpyBatch, transform_images, transform_seed
from ..options import LoaderOptions, ResolvedOptions
from ..process_group import Group, ProcessGroup
from ..schedule import BatchRange

TensorBatch = Batch[torch.Tensor]


def _refuse_to_collate(batches: list[TensorBatch], **_: Any) -> None:
    raise Cifar5mError(
        "loader/out-of-range",
        "batch_size of the DataLoader must be None where the data set makes the batches, got a number, or its "
        "default, 1. Pass batch_size=None to the DataLoader, and the number to the IterableDataset.",
    )


# Otherwise DataLoader says that it found an unknown class.
default_collate_fn_map[Batch] = _refuse_to_collate


def torch_group(options: LoaderOptions) -> ProcessGroup:
    """The group of torch.distributed."""
    return ProcessGroup(options, _find_group, "torch.distributed.init_process_group")


def _find_group() -> Group | None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return None


def with_torch_defaults(options: LoaderOptions, group: ProcessGroup) -> LoaderOptions:
    """NCHW, and the rank and world size of the group."""
    given: Any = {"layout": "NCHW", **options}
    return group.complete(given)


class TensorSource(TorchDataset[TensorBatch]):
    """The batch of any range as tensors, transformed."""

    def __init__(self, source: BatchSource, options: ResolvedOptions) -> None:
        self._source, self._options = source, options

    def __getitem__(self, batch: BatchRange) -> TensorBatch:
        made: NumpyBatch = self._source[batch]
        tensors: TensorBatch = made.map(torch.from_numpy)
        if self._options.transform is None:
            return tensors
        # torch.manual_seed would seed the GPUs too.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int.from_bytes(transform_seed(batch, self._options)[:6], "big"))
            return transform_images(tensors, batch, self._options)
