"""Labels that are wrong on purpose: docs/order.md, section 8."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .philox import Stream, key_of, random_words


@dataclass(frozen=True)
class LabelNoise:
    """Replaces the labels of some samples by one of the other classes, the same ones in every epoch, subset and rank.

    Attributes:
        rate: part of the samples, in [0, 1].
        seed: of the noise alone, in [0, 2⁵³); None takes that of the loader.
    """

    rate: float
    seed: int | None = None


def add_label_noise(
    labels: npt.NDArray[np.int64], ids: npt.NDArray[np.int64], rate: float, seed: int, num_classes: int
) -> npt.NDArray[np.int64]:
    """The labels under noise, a pure function of (seed, id): int64, shape [B]."""
    chance, shift = random_words(key_of(seed), Stream.LABEL_NOISE, ids, 2).T.astype(np.int64)
    replaced = (labels + 1 + ((shift * (num_classes - 1)) >> 32)) % num_classes
    return np.where(chance / 2**32 < rate, replaced, labels)
