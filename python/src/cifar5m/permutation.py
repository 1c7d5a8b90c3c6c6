"""Keyed permutations of [0, size), found entry by entry: docs/order.md, section 3.

A generalized Feistel network with cycle walking (Black and Rogaway 2002).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .philox import Stream, Words, key_of, random_words

Rows = npt.NDArray[np.int64]


class Permutation:
    """A permutation of [0, size), 1 ≤ size ≤ 2⁴⁰; calling it maps int64 arrays of positions to entries."""

    def __init__(self, size: int, seed: int, stream: Stream, id: int) -> None:
        self.size = size
        self.num_left = math.isqrt(size - 1) + 1
        self.num_right = -(-size // self.num_left)
        self.keys = random_words(key_of(seed), stream, [id], 16)[0]

    def __call__(self, positions: Rows) -> Rows:
        entries = self._run_rounds(positions)
        while (outside := np.flatnonzero(entries >= self.size)).size:
            entries[outside] = self._run_rounds(entries[outside])
        return entries

    def _run_rounds(self, values: Rows) -> Rows:
        left, right = (digit.astype(np.uint32) for digit in np.divmod(values, self.num_right))
        for k0, k1, k2, k3 in self.keys.reshape(4, 4):
            left = _add_below(left, _hash_below(right, k0, k1, self.num_left), self.num_left)
            right = _add_below(right, _hash_below(left, k2, k3, self.num_right), self.num_right)
        return left.astype(np.int64) * self.num_right + right


def _hash_below(digit: Words, key_before: np.uint32, key_after: np.uint32, bound: int) -> Words:
    """A keyed hash of digits, in [0, bound)."""
    mixed = digit ^ key_before
    mixed = ((mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x7FEB352D)) ^ key_after
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x846CA68B)
    high = ((mixed ^ (mixed >> np.uint32(16))) >> np.uint32(1)).astype(np.uint64)
    return ((high * np.uint64(bound)) >> np.uint64(31)).astype(np.uint32)


def _add_below(digit: Words, summand: Words, bound: int) -> Words:
    """The sum of two digits, modulo bound."""
    total = digit + summand
    # Of the two, the one that is negative has wrapped around.
    smaller: Words = np.minimum(total, total - np.uint32(bound))
    return smaller
