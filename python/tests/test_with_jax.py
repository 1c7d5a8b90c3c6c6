"""JAX and Grain."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import serve

from cifar5m import Augment, open_dataset


@pytest.fixture(scope="module")
def jax() -> Any:
    """Imported by the last of the tests: conftest.py sees to it."""
    return pytest.importorskip("jax")


def test_batches_are_jax_arrays_of_the_same_numbers(folder: Path, jax: Any) -> None:
    from cifar5m.jax import Loader

    dataset = open_dataset(folder)
    options = {"regime": "finite", "num_samples": 40, "batch_size": 9, "dtype": "float32"}
    augment = Augment(flip=True, crop=4, mixup=0.3)
    loader = Loader(dataset, **options, augment=augment, columns=["class"])
    batch = next(iter(loader))
    assert isinstance(batch.images, jax.Array) and batch.images.shape == (9, 32, 32, 3)
    assert (batch.images.dtype, batch.labels.dtype, batch.ids.dtype) == (np.float32, np.int32, np.int64)
    assert isinstance(batch.classes, jax.Array) and isinstance(batch.mixup.weights, jax.Array)
    loader = Loader(dataset, **options, augment=augment)
    expected = dataset.loader(**options, augment=augment)
    assert [serve(loader), serve(loader)] == [serve(expected), serve(expected)]
    assert loader.state_dict() == expected.state_dict()


def test_the_transform_gets_jax_arrays(folder: Path, jax: Any) -> None:
    from cifar5m.jax import Loader

    loader = Loader(open_dataset(folder), regime="infinite", batch_size=4, transform=jax.numpy.ones_like)
    assert bool((next(iter(loader)).images == 1).all())


def test_grain_reads_by_index_in_threads_and_processes(folder: Path, jax: Any) -> None:
    from cifar5m.jax import DataSource

    grain = pytest.importorskip("grain")
    dataset = open_dataset(folder)
    source = DataSource(dataset)
    assert len(source) == 100 and source[np.int64(7)]["id"] == dataset[7].id
    assert repr(pickle.loads(pickle.dumps(source))) == repr(source)
    pipeline = grain.MapDataset.source(source).shuffle(seed=1).batch(10)
    ids = [id for batch in pipeline.to_iter_dataset() for id in batch["id"].tolist()]
    assert sorted(ids) == dataset.read(range(100)).ids.tolist() and ids != sorted(ids)
