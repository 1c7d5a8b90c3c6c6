"""Batches of tensors, and the options that PyTorch users expect."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch.utils.data import Dataset as TorchDataset

from ..batch import Batch
from ..loader import BatchSource, NumpyBatch, transform_images
from ..options import LoaderOptions, ResolvedOptions, with_group
from ..schedule import BatchRange

TensorBatch = Batch[torch.Tensor]


def with_torch_defaults(options: LoaderOptions) -> LoaderOptions:
    """NCHW, and the rank and world size of torch.distributed where it is initialized."""
    given: Any = {"layout": "NCHW", **options}
    resolved: LoaderOptions = given
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return with_group(resolved, torch.distributed.get_rank(), torch.distributed.get_world_size())
    return resolved


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
        # Random transforms of CPU tensors draw from torch's default generator. Seeded by the batch, they give the same
        # images at any number of workers, and after a resume. torch.manual_seed would seed the GPUs too.
        identity = f"{self._options.seed} {batch.epoch} {batch.start} {self._options.rank}"
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int.from_bytes(hashlib.sha256(identity.encode()).digest()[:6], "big"))
            return transform_images(tensors, transform)
