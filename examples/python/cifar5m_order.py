"""The order in which cifar5m serves samples, as specified in docs/order.md, in numpy alone.

The TypeScript loader serves in the same order; docs/order-vectors.json checks both.
"""

import math

import numpy as np

# What a random number is for.
PERMUTATION, BLOCK_PERMUTATION, WINDOW_PERMUTATION, LABEL_NOISE = 7, 12, 13, 14
WORD = 2**32 - 1


def philox4x32(counter, key):
    """Philox4x32-10 of four arrays of words that broadcast, and two words: uint32, shape [..., 4]."""
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = key
    shift, mask = np.uint64(32), np.uint64(WORD)
    for _ in range(10):
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (b >> shift) ^ c1 ^ np.uint64(k0), b & mask, (a >> shift) ^ c3 ^ np.uint64(k1), a & mask
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return np.stack(np.broadcast_arrays(c0, c1, c2, c3), axis=-1).astype(np.uint32)


def random_words(seed, stream, ids, num_words):
    """The first words that each of the ids draws: uint32, shape [len(ids), num_words]."""
    ids = np.asarray(ids, np.uint64)[:, None]
    num_blocks = -(-num_words // 4)
    counter = np.arange(num_blocks)[None], ids & np.uint64(WORD), ids >> np.uint64(32), stream
    words = philox4x32(counter, (seed & WORD, seed >> 32))
    return words.reshape(len(ids), 4 * num_blocks)[:, :num_words]


def hash_below(digit, key_before, key_after, bound):
    """A keyed hash of uint32 digits, in [0, bound)."""
    mixed = digit ^ key_before
    mixed = ((mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x7FEB352D)) ^ key_after
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x846CA68B)
    high = ((mixed ^ (mixed >> np.uint32(16))) >> np.uint32(1)).astype(np.uint64)
    return ((high * np.uint64(bound)) >> np.uint64(31)).astype(np.uint32)


def add_below(digit, summand, bound):
    """The sum of two uint32 digits, modulo bound."""
    total = digit + summand
    # Of the two, the one that is negative has wrapped around.
    return np.minimum(total, total - np.uint32(bound))


class Permutation:
    """A keyed permutation of [0, size), for int64 arrays of positions."""

    def __init__(self, size, seed, stream, id):
        self.size = size
        self.num_left = math.isqrt(size - 1) + 1
        self.num_right = -(-size // self.num_left)
        self.keys = random_words(seed, stream, [id], 16)[0]

    def __call__(self, positions):
        entries = self._run_rounds(positions)
        while (outside := np.flatnonzero(entries >= self.size)).size:
            entries[outside] = self._run_rounds(entries[outside])
        return entries

    def _run_rounds(self, values):
        left, right = (digit.astype(np.uint32) for digit in np.divmod(values, self.num_right))
        for k0, k1, k2, k3 in self.keys.reshape(4, 4):
            left = add_below(left, hash_below(right, k0, k1, self.num_left), self.num_left)
            right = add_below(right, hash_below(left, k2, k3, self.num_right), self.num_right)
        return left.astype(np.int64) * self.num_right + right


class BlockedShuffle:
    """Blocks of neighboring rows in random order, then the rows of each window of blocks in random order."""

    def __init__(self, size, seed, id, block_rows, window_blocks):
        num_blocks = -(-size // block_rows)
        self.seed, self.id, self.block_rows = seed, id, block_rows
        self.blocks = Permutation(num_blocks, seed, BLOCK_PERMUTATION, id)(np.arange(num_blocks))
        last_rows = size - (num_blocks - 1) * block_rows
        rows = np.where(self.blocks == num_blocks - 1, last_rows, block_rows)
        self.starts = np.append(0, np.cumsum(rows))
        self.window_starts = np.append(self.starts[:-1:window_blocks], size)

    def __call__(self, positions):
        windows = np.searchsorted(self.window_starts, positions, "right") - 1
        shuffled = np.empty_like(positions)
        for window in np.unique(windows).tolist():
            start, end = self.window_starts[window : window + 2].tolist()
            permutation = Permutation(end - start, self.seed, WINDOW_PERMUTATION, self.id * 2**24 + window)
            inside = windows == window
            shuffled[inside] = start + permutation(positions[inside] - start)
        places = np.searchsorted(self.starts, shuffled, "right") - 1
        return self.blocks[places] * self.block_rows + shuffled - self.starts[places]


def make_shuffle(shuffle, size, seed, id):
    """An order of [0, size), for int64 arrays of positions.

    shuffle: "full", "none" or (block_rows, window_blocks).
    """
    if shuffle == "none":
        return np.asarray
    if shuffle == "full":
        return Permutation(size, seed, PERMUTATION, id)
    return BlockedShuffle(size, seed, id, *shuffle)


class SampleOrder:
    """Which row of the split is served at the positions of an epoch."""

    def __init__(self, regime, pool_size, num_samples, seed, shuffle):
        self.regime, self.num_samples, self.seed, self.shuffle = regime, num_samples, seed, shuffle
        # What is not shuffled is still a random subset.
        self.pool = make_shuffle("full" if shuffle == "none" else shuffle, pool_size, seed, 0)
        self.is_whole = num_samples == pool_size
        self.epoch, self.slots = None, None

    def __call__(self, epoch, positions):
        if self.regime == "infinite":
            return self.pool(positions)
        if self.epoch != epoch:
            self.epoch, self.slots = epoch, make_shuffle(self.shuffle, self.num_samples, self.seed, 1 + epoch)
        slots = self.slots(positions)
        return slots if self.is_whole else self.pool(slots)


def add_label_noise(labels, ids, rate, seed, num_classes):
    """The labels, some of them replaced by one of the other classes; which ones follows from the ids."""
    chance, shift = random_words(seed, LABEL_NOISE, ids, 2).T.astype(np.int64)
    return np.where(chance / 2**32 < rate, (labels + 1 + ((shift * (num_classes - 1)) >> 32)) % num_classes, labels)
