"""The random numbers of samples that are served: docs/order.md, section 9."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .philox import Stream, key_of, random_blocks, random_words

SIDE = 32

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class SampleDraws:
    """Draws for the samples at some positions of an epoch: pure functions of (seed, epoch, position).

    Each use has words of its own, whether others are asked for or not. All results have shape [P].
    """

    def __init__(self, seed: int, epoch: int, positions: Integers) -> None:
        first, second = random_words(key_of(seed), Stream.AUGMENTATION, [epoch], 2)[0].tolist()
        self._key = (first, second)
        self._positions = positions
        self.words = random_words(self._key, Stream.AUGMENTATION, positions, 8)

    def is_flipped(self) -> npt.NDArray[np.bool_]:
        return self.words[:, 0] >= 2**31

    def crop_rows(self, bound: int) -> Integers:
        return self._below(1, bound)

    def crop_columns(self, bound: int) -> Integers:
        return self._below(2, bound)

    def mixup_partners(self, bound: int) -> Integers:
        """Which of the other samples of the global batch to blend with, in [0, bound)."""
        return self._below(3, bound)

    def cutout_rows(self) -> Integers:
        """Center of the square, in [0, 32)."""
        return self._below(4, SIDE)

    def cutout_columns(self) -> Integers:
        """Center of the square, in [0, 32)."""
        return self._below(5, SIDE)

    def mixup_weights(self, alpha: float) -> Floats:
        """Numbers from Beta(alpha, alpha): the share of the first of two gamma variates, float64."""
        blocks = np.full(len(self._positions), 2, np.int64)
        first = self._log_gammas(alpha, blocks)
        second = self._log_gammas(alpha, blocks)
        with np.errstate(over="ignore"):
            weights: Floats = 1 / (1 + np.exp(-(first - second)))
        return weights

    def _log_gammas(self, alpha: float, blocks: Integers) -> Floats:
        """Logarithms of variates from Gamma(alpha, 1); raises `blocks` by the blocks used.

        The method of Marsaglia and Tsang 2000 for shape alpha + 1, scaled by U^(1 / alpha). In logarithms: for small
        alpha the variates would be rounded to 0.
        """
        d = alpha + 1 - 1 / 3
        c = 1 / np.sqrt(9 * d)
        variates = np.empty(len(blocks))
        pending = np.arange(len(blocks))
        while pending.size:
            words = random_blocks(self._key, Stream.AUGMENTATION, self._positions[pending], blocks[pending])
            blocks[pending] += 1
            u0, u1, u2, u3 = ((words.astype(np.float64) + 0.5) / 2**32).T
            normal = np.sqrt(-2 * np.log(u0)) * np.cos(2 * np.pi * u1)
            v = (1 + c * normal) ** 3
            log_v = np.log(np.where(v > 0, v, 1.0))
            is_accepted = (v > 0) & (np.log(u2) < normal**2 / 2 + d - d * v + d * log_v)
            accepted = pending[is_accepted]
            variates[accepted] = np.log(d * v[is_accepted]) + np.log(u3[is_accepted]) / alpha
            pending = pending[~is_accepted]
        return variates

    def _below(self, word: int, bound: int) -> Integers:
        drawn: Integers = np.floor(self.words[:, word] / 2**32 * bound).astype(np.int64)
        return drawn
