"""What loaders of tests serve, epoch by epoch."""

from __future__ import annotations

from typing import Any

from serving import serve

from cifar5m import Augment

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "drop_last": False, "seed": 3}
AUGMENTED = {**FINITE, "dtype": "float32", "normalize": True, "augment": Augment(flip=True, crop=4, cutout=8)}


def expected_epochs(dataset: Any, options: dict[str, Any], num_epochs: int) -> list[Any]:
    loader = dataset.loader(layout="NCHW", **options)
    return [serve(loader) for _ in range(num_epochs)]


def left_of_epoch(taken: int) -> int:
    """Batches that are left of the epoch, of 5 batches."""
    return 5 - taken % 5
