"""Images a second beside numpy and torch, in one run: python bench.py [FOLDER]. By default it makes 20,000 images."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from cifar5m import Augment, Blocked, Dataset, open_dataset
from cifar5m.torch import Loader

BATCH_SIZE = 512
ROUNDS = 5


def make_folder() -> Path:
    sys.path.insert(0, str(Path(__file__).parent / "tests"))
    from make_dataset import make_dataset

    return make_dataset(Path(tempfile.mkdtemp()), train=20_000, test=0, rows_per_shard=5_000, rows_per_batch=1024)


class PerSample(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """What a data set of torchvision does for each sample: scale, pad, crop, flip, normalize."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels
        self.mean, self.std = torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self.images[index]).permute(2, 0, 1).float() / 255
        image = torch.nn.functional.pad(image, (4, 4, 4, 4))
        row, column = torch.randint(0, 9, (2,)).tolist()
        image = image[:, row : row + 32, column : column + 32]
        if torch.rand(()) < 0.5:
            image = image.flip(-1)
        return (image - self.mean) / self.std, int(self.labels[index])


def take_on_a_map(images: np.ndarray, labels: np.ndarray) -> Iterable[Any]:
    order = np.random.default_rng(0).permutation(len(images))
    for start in range(0, len(images) - BATCH_SIZE + 1, BATCH_SIZE):
        rows = order[start : start + BATCH_SIZE]
        yield np.take(images, rows, axis=0), labels[rows]


def rate_of(epoch: Callable[[], Iterable[Any]], num_images: int) -> float:
    """Images a second of one epoch."""
    start = time.perf_counter()
    for _ in epoch():
        pass
    return num_images / (time.perf_counter() - start)


def compare(title: str, num_images: int, ours: Any, theirs: Any) -> None:
    """The median of the ratios of rounds that take turns."""
    for epoch in (ours, theirs):
        rate_of(epoch, num_images)
    rounds = [(rate_of(ours, num_images), rate_of(theirs, num_images)) for _ in range(ROUNDS)]
    own, other = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    ratio = statistics.median(a / b for a, b in rounds)
    print(f"{title}: {own:,.0f} against {other:,.0f} images/s, {ratio:.2f} times", flush=True)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    dataset: Dataset = open_dataset(folder)
    num_images = len(dataset)
    images, labels, _ = dataset.read(range(num_images))
    with tempfile.NamedTemporaryFile() as file:
        images.tofile(file.name)
        mapped = np.memmap(file.name, np.uint8, "r", shape=images.shape)
        stored = dataset.loader(regime="finite", batch_size=BATCH_SIZE)
        compare(
            "uint8, beside np.take on a memory map", num_images, lambda: stored, lambda: take_on_a_map(mapped, labels)
        )
        from_disk = open_dataset(folder, memory_bytes=0).loader(regime="finite", batch_size=BATCH_SIZE)
        title = "uint8, nothing held in memory, beside np.take on a memory map"
        compare(title, num_images, lambda: from_disk, lambda: take_on_a_map(mapped, labels))
        # A window is a fifth of the images, which is what a window of 65,536 images is of 330,000.
        windows: dict[str, Any] = {"regime": "finite", "batch_size": BATCH_SIZE, "shuffle": Blocked(1024, 4)}
        blocked = open_dataset(folder, memory_bytes=2**24).loader(**windows)
        title = "uint8, shuffled in blocks, 16 MiB held in memory, beside np.take on a memory map"
        compare(title, num_images, lambda: blocked, lambda: take_on_a_map(mapped, labels))
    peer = DataLoader(PerSample(images, labels), BATCH_SIZE, shuffle=True, num_workers=2, persistent_workers=True)
    augmented: dict[str, Any] = {
        "regime": "finite",
        "batch_size": BATCH_SIZE,
        "dtype": "float32",
        "normalize": ((0.5,) * 3, (0.25,) * 3),
        "augment": Augment(flip=True, crop=4),
    }
    for num_workers in (0, 2):
        loader = Loader(dataset, **augmented, num_workers=num_workers)
        title = f"float32, flip, crop, normalized, {num_workers} workers, beside a DataLoader of 2 workers over samples"
        compare(title, num_images, lambda loader=loader: loader, lambda: peer)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else make_folder())
