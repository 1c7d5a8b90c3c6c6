"""The map-style data set, for samplers of other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils.data import Dataset as TorchDataset

from ..dataset import Dataset
from ..image_format import ImageWriter
from ..opening import require_dataset
from ..options import resolve_format


class MapDataset(TorchDataset[tuple[torch.Tensor, int]]):
    """Samples (image, label) by index, for a DataLoader or sampler of your own.

    It serves no regime: order, batches and states are those of your sampler. Augmentation, which depends on the
    position in an epoch, is that of your transform.

    Args:
        layout, dtype, normalize: as in `LoaderOptions`; NCHW by default, for an image [3, 32, 32].
        transform: called with each image in its final form, so that a random one chooses for each.

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
        self._dataset, self._transform = require_dataset(dataset), transform
        self._writer = ImageWriter(resolve_format({"layout": layout, "dtype": dtype, "normalize": normalize}))

    @property
    def targets(self) -> list[int]:
        """The labels of all samples, as torchvision names them: for samplers that weigh classes."""
        labels: list[int] = self._dataset.read_column("label").tolist()
        return labels

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
