"""cifar5m for PyTorch: memory-mapped batches, in the very order of the TypeScript loader.

    dataset = Cifar5mDataset("runs/quickstart/dataset", regime="finite", num_samples=1000, epochs=3, batch_size=100)
    for images, labels, ids in DataLoader(dataset, batch_size=None, num_workers=2):
        ...  # uint8 [100, 32, 32, 3], int64 [100], int64 [100]

Needs torch, numpy and pyarrow, and the two files beside it: cifar5m_order.py and cifar5m_shards.py.
"""

import math
from itertools import groupby, islice

import numpy as np
import torch
from cifar5m_order import SampleOrder, add_label_noise
from cifar5m_shards import Split
from torch.utils.data import IterableDataset, get_worker_info

STATE_VERSION = 2
MAX_INTEGER = 2**53 - 1
# Rows looked up at once: enough to hide what calls of numpy cost.
STRETCH_ROWS = 2**14


class Cifar5mDataset(IterableDataset):
    """Batches (images uint8 [B, 32, 32, 3], labels int64 [B], ids int64 [B]) of one split of a data set folder.

    regime: "finite" serves num_samples (default: the whole split), shuffled anew in each of the epochs (default 1;
        math.inf never ends); "infinite" serves every image once and raises ValueError when no whole batch is left.
    batch_size: samples of a global batch, over all ranks.
    shuffle: "full", "blocked" (with block_rows and window_blocks) or, in the finite regime, False.
    drop_last: leave out the last, partial batch of every epoch; always so in the infinite regime.
    rank, world_size: this process gets samples rank, rank + world_size, ... of every global batch. Default: those of
        torch.distributed where it is initialized, else 0 and 1.
    label_noise: part of the labels to replace by another class, in [0, 1]; label_noise_seed: default seed.

    Hand it to DataLoader with batch_size=None. One loop goes through all epochs. It is a cursor: a loop that was left
    and started again goes on. With num_workers=n, worker i makes batches i, i + n, ... and the order stays; but then
    copies of this object move, and each loop starts where the object itself stands: see state_dict.

    Raises ValueError for options out of range, and for a damaged manifest or shard.
    """

    def __init__(
        self, folder, *, split="train", regime, num_samples=None, epochs=None, batch_size, drop_last=True, seed=0,
        shuffle="full", block_rows=8192, window_blocks=8, rank=None, world_size=None, label_noise=0,
        label_noise_seed=None,
    ):  # fmt: skip
        self.split = Split(folder, split)
        require_choice("regime", regime, ["finite", "infinite"])
        if regime == "infinite":
            require_choice("num_samples", num_samples, [None])
            require_choice("epochs", epochs, [None])
            require_choice("drop_last", drop_last, [True])
        require_choice("shuffle", shuffle, ["full", "blocked", False] if regime == "finite" else ["full", "blocked"])
        require_choice("drop_last", drop_last, [True, False])
        pool_size = self.split.num_rows
        if pool_size == 0:
            raise ValueError(f"the {split} split must hold at least one image, it holds 0. Build more shards.")
        is_group = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.world_size = default_to(world_size, torch.distributed.get_world_size() if is_group else 1)
        self.rank = default_to(rank, torch.distributed.get_rank() if is_group else 0)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.epochs, num_samples = default_to(epochs, 1), default_to(num_samples, pool_size)
        self.label_noise, self.label_noise_seed = label_noise, default_to(label_noise_seed, seed)
        require_integer("batch_size", batch_size, 1, 2**31)
        require_integer("num_samples", num_samples, 1, pool_size)
        require_integer("seed", seed, 0, MAX_INTEGER)
        require_integer("world_size", self.world_size, 1, 2**31)
        require_integer("rank", self.rank, 0, self.world_size - 1)
        require_integer("block_rows", block_rows, 1, 2**31)
        require_integer("window_blocks", window_blocks, 1, 2**31)
        require_integer("label_noise_seed", self.label_noise_seed, 0, MAX_INTEGER)
        if self.epochs != math.inf:
            require_integer("epochs", self.epochs, 1, MAX_INTEGER)
        if not (isinstance(label_noise, (int, float)) and 0 <= label_noise <= 1):
            raise ValueError(f"label_noise must be a number in [0, 1], got {label_noise!r}. Use 0 for none.")
        if regime == "finite" and drop_last and batch_size > num_samples:
            raise ValueError(
                f"batch_size must be at most num_samples ({num_samples}) when the last partial batch is dropped, "
                f"got {batch_size}. Use smaller batches, or drop_last=False."
            )
        order = (block_rows, window_blocks) if shuffle == "blocked" else "full" if shuffle else "none"
        self.order = SampleOrder(regime, pool_size, num_samples, seed, order)
        # What makes the order; a state is of use to a loader where all of it is equal.
        self.identity = {
            "version": STATE_VERSION,
            "dataset": self.split.fingerprint,
            "regime": regime,
            "seed": seed,
            "numSamples": num_samples,
            "shuffle": order if isinstance(order, str) else f"blocked-{block_rows}-{window_blocks}",
        }
        self._epoch, self._position = 0, 0

    def __iter__(self):
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        num_samples, start = self.identity["numSamples"], self._position
        for epoch, end, rows in self._look_up(islice(self._ranges(), first, None, step)):
            batch = self._read(rows)
            if worker is None:
                self._epoch, self._position = self._after(epoch, end)
            yield batch
        if self.identity["regime"] == "infinite":
            spent = num_samples - (num_samples - start) % self.batch_size
            raise ValueError(
                f"the infinite regime was asked for images {spent + 1} to {spent + self.batch_size} of {num_samples}. "
                "Build more shards, stop earlier, or use the finite regime."
            )

    def __len__(self):
        """Global batches from the start to the end."""
        if self.epochs == math.inf:
            raise TypeError("epochs must be finite for a data set to have a length, got inf. Count steps instead.")
        per_epoch = self.identity["numSamples"] / self.batch_size
        return self.epochs * (math.floor(per_epoch) if self.drop_last else math.ceil(per_epoch))

    def state_dict(self, num_batches=0):
        """Where the loop stands, as JSON that the TypeScript loader takes too; equal on all ranks.

        num_batches: global batches beyond this object's own place. With worker processes that is how many the training
        took since the loop began, for the copies in the workers are ahead and this object does not move.
        """
        if get_worker_info() is not None:
            raise ValueError("state_dict must be called by the training process, a worker did. Call it there.")
        require_integer("num_batches", num_batches, 0, MAX_INTEGER)
        epoch, position = self._epoch, self._position
        for epoch, _, end in islice(self._ranges(), num_batches):
            epoch, position = self._after(epoch, end)
        return {**self.identity, "epoch": epoch, "position": position}

    def load_state_dict(self, state):
        """Goes on where a state was taken, here or in TypeScript, at any batch size, rank and world size.

        Raises ValueError for a state of other data or of another order.
        """
        action = "Start without it."
        if not isinstance(state, dict) or state.keys() != {*self.identity, "epoch", "position"}:
            keys = ", ".join([*self.identity, "epoch", "position"])
            raise ValueError(f"a loader state must be a dict with the keys {keys}, got {state!r}. {action}")
        for key, own in self.identity.items():
            if state[key] != own:
                raise ValueError(
                    f"{key} of the loader state is {state[key]}, this data set has {own}. "
                    "Resume with the data and options the state was taken with, or start without a state."
                )
        end = self.identity["numSamples"] - (self.identity["regime"] == "finite")
        require_integer("epoch of the loader state", state["epoch"], 0, MAX_INTEGER, action)
        require_integer("position of the loader state", state["position"], 0, end, action)
        # With larger batches than before, the rest of the epoch may hold none.
        self._epoch, self._position = self._after(state["epoch"], state["position"])

    def _ranges(self):
        """(epoch, start, end) of the global batches that are left."""
        epoch, position, num_samples = self._epoch, self._position, self.identity["numSamples"]
        while epoch < self.epochs:
            end = min(position + self.batch_size, num_samples)
            if self.drop_last and end - position < self.batch_size:
                return
            yield epoch, position, end
            epoch, position = self._after(epoch, end)

    def _after(self, epoch, end):
        """The place after a batch: the start of the next epoch where this one has no batch left."""
        is_left = self.identity["numSamples"] - end >= (self.batch_size if self.drop_last else 1)
        return (epoch, end) if is_left or self.identity["regime"] == "infinite" else (epoch + 1, 0)

    def _look_up(self, ranges):
        """(epoch, end, rows) of global batches, with this rank's rows of the split; many batches at a time."""
        num_batches = max(1, STRETCH_ROWS * self.world_size // self.batch_size)
        while stretch := list(islice(ranges, num_batches)):
            for epoch, group in groupby(stretch, lambda batch: batch[0]):
                group = list(group)
                positions = [np.arange(start + self.rank, end, self.world_size) for _, start, end in group]
                rows = self.order(epoch, np.concatenate(positions))
                cuts = np.cumsum([len(part) for part in positions])[:-1]
                yield from ((epoch, end, own) for (_, _, end), own in zip(group, np.split(rows, cuts)))

    def _read(self, rows):
        images, labels, ids = self.split.read(rows)
        if self.label_noise > 0:
            labels = add_label_noise(labels, ids, self.label_noise, self.label_noise_seed, self.split.num_classes)
        return torch.from_numpy(images), torch.from_numpy(labels), torch.from_numpy(ids)


def default_to(value, default):
    return default if value is None else value


def require_integer(name, value, low, high, action="Choose one in that range."):
    if not (type(value) is int and low <= value <= high):
        raise ValueError(f"{name} must be an integer in [{low}, {high}], got {value!r}. {action}")


def require_choice(name, value, choices):
    # 0 == False, and 0 is no shuffle.
    if not any(value is choice or (isinstance(choice, str) and value == choice) for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}. Choose one of them.")
