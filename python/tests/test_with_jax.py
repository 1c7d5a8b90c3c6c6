"""JAX and Grain."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
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


def test_a_jitted_function_takes_a_batch(folder: Path, jax: Any) -> None:
    from cifar5m.jax import Loader

    options = {"regime": "infinite", "batch_size": 4, "dtype": "float32", "augment": Augment(mixup=0.3)}
    loader = Loader(open_dataset(folder), **options, columns=["class"])
    compiled: list[Any] = []

    def mean(batch: Any) -> Any:
        compiled.append(type(batch))
        return batch.images.mean() + batch.mixup.weights.sum() + batch.step

    for batch, _ in zip(loader, range(3), strict=False):
        expected = float(batch.images.mean() + batch.mixup.weights.sum() + batch.step)
        assert float(jax.jit(mean)(batch)) == pytest.approx(expected, rel=1e-5)
        same = jax.tree_util.tree_map(lambda leaf: leaf, batch)
        assert type(same) is type(batch) and same.ids is batch.ids and same.confidences is None
    # Another epoch and another step are no reason to compile it anew.
    assert len(compiled) == 1


def test_a_sharding_over_processes_gives_global_arrays(folder: Path, jax: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "JAX_PLATFORMS": "cpu", "XLA_FLAGS": ""}
    script = str(Path(__file__).parent / "jax_process.py")
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(folder), address, str(rank)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    printed = [process.communicate(timeout=300)[0] for process in processes]
    whole = next(iter(open_dataset(folder).loader(regime="infinite", batch_size=8)))
    for rank, text in enumerate(printed):
        result = json.loads(text.splitlines()[-1])
        assert result["shapes"] == [[8, 32, 32, 3], [8]]
        assert result["ids"] == whole.ids[rank::2].tolist()
        # The rows of process 0 come first.
        assert result["rows"] == [[4 * rank, 4 * rank + 4]]
        assert result["own"] == [whole.labels[rank::2].tolist()]
        assert result["lines"][0].startswith("loader/out-of-range: batch_size must be a multiple of 2, the processes")
        assert result["lines"][1].startswith("loader/out-of-range: device must be a sharding that splits the 8 samples")
