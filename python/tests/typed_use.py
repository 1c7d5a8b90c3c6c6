"""Calls as users write them, for mypy alone: test_package.py. A comment of each wrong one names the complaint."""

from __future__ import annotations

import numpy as np

from cifar5m import Dataset, RemoteOptions
from cifar5m.torch import IterableDataset, Loader


def right(dataset: Dataset) -> None:
    dataset.loader(regime="infinite", batch_size=8)
    numbers = np.ones(3)
    loader = Loader(
        dataset,
        regime="finite",
        batch_size=np.uint8(8),
        num_samples=np.int64(40),
        seed=np.int32(3),
        epochs=np.int64(2),
        drop_last=np.bool_(False),
        label_noise=np.float32(0.5),
        normalize=(numbers, numbers.tolist()),
        num_workers=np.int64(2),
    )
    loader.set_epoch(np.int64(1))
    IterableDataset(dataset, regime="finite", batch_size=8).state_dict(num_batches=np.int64(3))
    RemoteOptions(tries=np.int64(3), timeout_s=1)
    image: object = dataset[0].image, dataset[np.int64(1)].label
    images: object = dataset[:2].images, dataset[[0, 1]].labels, dataset[np.arange(2)].ids, dataset[range(2)].ids
    named = [dataset.filter(classes="cat"), dataset.filter(classes={"cat"}), dataset.filter(classes=("cat", 3))]
    numbered = [dataset.filter(classes=range(2)), dataset.filter(classes=np.array([1])), dataset.filter(classes={1, 2})]
    print(image, images, named, numbered, dataset.filter(classes=[np.int64(1)]))


def wrong(dataset: Dataset) -> None:
    dataset.loader(regime="finite")  # type: ignore[call-arg]
    Loader(dataset, batch_size=8)  # type: ignore[call-arg]
    dataset.loader(regime="endless", batch_size=8)  # type: ignore[arg-type]
    dataset.loader(regime="finite", batch_size=1.5)  # type: ignore[arg-type]
    print(dataset[1.5])  # type: ignore[call-overload]
    print(dataset[0].images)  # type: ignore[attr-defined]
    print(dataset[:2].image)  # type: ignore[attr-defined]
    dataset.filter(classes=1.5)  # type: ignore[arg-type]
