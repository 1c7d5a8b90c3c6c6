"""What is done to images at random, anew every time one is served: docs/order.md, section 9."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .require import refuse_unknown
from .sample_draws import SIDE, SampleDraws

Bytes = npt.NDArray[np.uint8]


@refuse_unknown
@dataclass(frozen=True)
class Augment:
    """What is done to each image at random. The draws are functions of (seed, epoch, position).

    Attributes:
        flip: mirror left to right, with probability one half.
        crop: pixels that the image is padded by on each side before a random window of it is taken, in [0, 31]; True
            for 4, False for no crop.
        crop_mode: pad with black (`zero`) or with the mirrored image (`reflect`).
        cutout: side in pixels, in [1, 64], of a square that is set to 0, the mean where images are normalized; centered
            anywhere in the image (DeVries and Taylor 2017, arXiv:1708.04552). None for none.
        mixup: alpha in [0.001, 1000]: blend with another image of the global batch, by a weight from Beta(alpha, alpha)
            (Zhang et al. 2017, arXiv:1710.09412). Needs float32. None for none.

    Raises:
        Cifar5mError: `options/unknown-key`.
    """

    flip: bool | np.bool_ = False
    crop: bool | np.bool_ | int = False
    crop_mode: Literal["zero", "reflect"] = "zero"
    cutout: int | None = None
    mixup: float | None = None

    @property
    def padding(self) -> int | None:
        """Pixels of padding; None for no crop."""
        if isinstance(self.crop, (bool, np.bool_)):
            return 4 if self.crop else None
        return self.crop


def crop_images(images: Bytes, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], augment: Augment) -> Bytes:
    """A window of each padded image.

    Args:
        images: uint8, shape [B, 32, 32, 3], contiguous.
        rows, columns: where in the padded image the window starts, int64, shape [B], in [0, 2 · padding].

    Returns:
        uint8, shape [B, 32, 32, 3].
    """
    padding = augment.padding or 0
    pads = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    if augment.crop_mode == "reflect":
        padded = np.pad(images, pads, mode="reflect")
    else:
        side = SIDE + 2 * padding
        padded = np.zeros((len(images), side, side, 3), np.uint8)
        padded[:, padding : padding + SIDE, padding : padding + SIDE] = images
    by_image, by_row, by_pixel, by_channel = padded.strides
    # All windows, as a view; a row of one is 96 bytes in a line.
    windows = np.lib.stride_tricks.as_strided(
        padded,
        (len(images), 2 * padding + 1, 2 * padding + 1, SIDE, SIDE * 3),
        (by_image, by_row, by_pixel, by_row, by_channel),
        writeable=False,
    )
    cropped: Bytes = windows[np.arange(len(images)), rows, columns].reshape(-1, SIDE, SIDE, 3)
    return cropped


def cut_out(images: npt.NDArray[Any], layout: str, size: int, draws: SampleDraws) -> None:
    """Sets a square of each image to 0; parts beyond the border are lost.

    Args:
        images: shape [B, 32, 32, 3] or [B, 3, 32, 32], by layout; changed.
    """
    inside_rows = _stretches(draws.cutout_rows(), size)[:, :, None]
    inside_columns = _stretches(draws.cutout_columns(), size)[:, None, :]
    square = inside_rows & inside_columns
    np.copyto(images, 0, where=square[:, None] if layout == "NCHW" else square[..., None])


def _stretches(centers: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.bool_]:
    """Which of 32 pixels lie in a stretch of `size` around each center: shape [B, 32]."""
    first = (centers - (size >> 1))[:, None]
    pixels = np.arange(SIDE)
    return (pixels >= first) & (pixels < first + size)


def blend(
    images: npt.NDArray[np.float32], others: npt.NDArray[np.float32], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """weight · own + (1 - weight) · other, in float64, rounded once: float32, shape of images."""
    own = weights.reshape(-1, *(1,) * (images.ndim - 1))
    blended = own * images.astype(np.float64)
    blended += (1 - own) * others
    return blended.astype(np.float32)
