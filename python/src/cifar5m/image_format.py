"""How images are handed out: type, layout and normalization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Triple = tuple[float, float, float]
DType = Literal["uint8", "float32"]
Layout = Literal["NHWC", "NCHW"]

# Mean and standard deviation of CIFAR-10 train, pixels in [0, 1].
CIFAR10_MEAN: Triple = (0.4914, 0.4822, 0.4465)
CIFAR10_STD: Triple = (0.247, 0.2435, 0.2616)


@dataclass(frozen=True)
class ImageFormat:
    """How images are handed out.

    Attributes:
        dtype: `uint8`, bytes as stored; or `float32`, bytes / 255, then normalized if asked for.
        layout: `NHWC`, channels last, as stored; or `NCHW`, one plane a channel.
        normalize: mean and standard deviation by channel, of pixels in [0, 1]; None for neither. Only of float32.
    """

    dtype: DType
    layout: Layout
    normalize: tuple[Triple, Triple] | None


class ImageWriter:
    """Converts bytes as stored to a format. All arithmetic is done once, in a table of what each byte becomes."""

    def __init__(self, format: ImageFormat) -> None:
        self._layout = format.layout
        self._table = None if format.dtype == "uint8" else _value_table(format.normalize)

    def __call__(self, images: npt.NDArray[np.uint8], is_flipped: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
        """Mirrors some of the images and converts all.

        Args:
            images: uint8, shape [B, 32, 32, 3]; belongs to the callee.
            is_flipped: which to mirror left to right, shape [B]; None for none.

        Returns:
            uint8 or float32, shape [B, 32, 32, 3] or [B, 3, 32, 32], contiguous.
        """
        if self._layout == "NCHW":
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        if is_flipped is not None:
            x_axis = (slice(None), slice(None), slice(None, None, -1))
            mirror = (..., x_axis[-1]) if self._layout == "NCHW" else x_axis
            images[is_flipped] = images[is_flipped][mirror]
        return images if self._table is None else self._convert(images, self._table)

    def _convert(self, images: npt.NDArray[np.uint8], table: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if (table == table[0]).all():
            looked_up: npt.NDArray[np.float32] = table[0].take(images)
            return looked_up
        values = np.empty(images.shape, np.float32)
        for channel, row in enumerate(table):
            of_channel = (slice(None), channel) if self._layout == "NCHW" else (..., channel)
            values[of_channel] = row.take(images[of_channel])
        return values


def _value_table(normalize: tuple[Triple, Triple] | None) -> npt.NDArray[np.float32]:
    """What each byte of each channel becomes, computed in float64 and rounded once: float32, shape [3, 256]."""
    pixels = np.arange(256) / 255
    mean, std = normalize or ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    table: npt.NDArray[np.float64] = (pixels - np.array(mean)[:, None]) / np.array(std)[:, None]
    return table.astype(np.float32)
