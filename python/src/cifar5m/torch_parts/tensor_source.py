"""Batches of tensors, and the options that PyTorch users expect."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data._utils.collate import default_collate_fn_map

from ..batch import Batch
from ..errors import Cifar5mError
from ..loader import BatchSource, NumpyBatch, transform_images
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
        transform = self._options.transform
        if transform is None:
            return tensors
        identity = f"{self._options.seed} {batch.epoch} {batch.start} {self._options.rank}"
        with _seeded_generators(hashlib.sha256(identity.encode()).digest()):
            return transform_images(tensors, transform)


@contextmanager
def _seeded_generators(digest: bytes) -> Iterator[None]:
    """Seeds the generators that random transforms draw from: torch's default one, and those of numpy and Python.

    Seeded by the batch, transforms give the same images at any number of workers, and after a resume. torch.manual_seed
    would seed the GPUs too.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int.from_bytes(digest[:6], "big"))
        random.seed(int.from_bytes(digest[6:12], "big"))
        np.random.seed(int.from_bytes(digest[12:16], "big"))
        try:
            yield
        finally:
            random.setstate(of_python)
            np.random.set_state(of_numpy)
