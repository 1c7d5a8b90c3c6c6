"""Random words as functions of (seed, stream, id): docs/order.md, section 2. Nothing depends on what was drawn before.

Philox4x32-10 of Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", as in Random123.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

WORD = 2**32 - 1
Words = npt.NDArray[np.uint32]
Key = tuple[int, int]


class Stream(IntEnum):
    """What random words are for."""

    PERMUTATION = 7
    AUGMENTATION = 8
    BLOCK_PERMUTATION = 12
    WINDOW_PERMUTATION = 13
    LABEL_NOISE = 14


def key_of(seed: int) -> Key:
    """The key of a seed in [0, 2⁵³): its low and its high word."""
    return seed & WORD, seed >> 32


def philox4x32(counter: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, npt.ArrayLike], key: Key) -> Words:
    """One block for each of the counters.

    Args:
        counter: four arrays of words that broadcast to shape [...].
        key: two words.

    Returns:
        uint32, shape [..., 4].
    """
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = key
    shift, mask = np.uint64(32), np.uint64(WORD)
    for _ in range(10):
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (b >> shift) ^ c1 ^ np.uint64(k0), b & mask, (a >> shift) ^ c3 ^ np.uint64(k1), a & mask
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    words: Words = np.stack(np.broadcast_arrays(c0, c1, c2, c3), axis=-1).astype(np.uint32)
    return words


def random_blocks(key: Key, stream: Stream, ids: npt.NDArray[np.int64], blocks: npt.ArrayLike) -> Words:
    """Block `blocks` of the words of each id: uint32, shape [..., 4] where ids and blocks broadcast to [...]."""
    unsigned = ids.astype(np.uint64)
    return philox4x32((blocks, unsigned & np.uint64(WORD), unsigned >> np.uint64(32), int(stream)), key)


def random_words(key: Key, stream: Stream, ids: npt.ArrayLike, num_words: int) -> Words:
    """The first words of each id: uint32, shape [len(ids), num_words]."""
    column = np.asarray(ids, np.int64)[:, None]
    num_blocks = -(-num_words // 4)
    words = random_blocks(key, stream, column, np.arange(num_blocks)[None])
    return words.reshape(len(column), 4 * num_blocks)[:, :num_words]
