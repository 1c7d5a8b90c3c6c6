"""Stretches of neighboring rows that a blocked order keeps in memory, and their equality with single reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_dataset import make_dataset
from serving import serve

from cifar5m import Blocked, open_dataset
from cifar5m.image_cache import StretchCache
from cifar5m.positioned_file import PositionedFile

SOME_MEMORY = 2**20


@pytest.fixture(scope="module", params=[7, 50, 64, 333])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """700 images, which do not fit into `SOME_MEMORY`; five stretches of 64 do."""
    return make_dataset(tmp_path_factory.mktemp("large"), train=700, rows_per_shard=request.param)


@pytest.mark.parametrize(
    "options",
    [
        {"regime": "finite", "epochs": 2, "batch_size": 33, "drop_last": False, "shuffle": Blocked(64, 2)},
        {"regime": "finite", "epochs": 2, "batch_size": 130, "shuffle": Blocked(70, 1), "rank": 1, "world_size": 3},
        {"regime": "finite", "epochs": 1, "batch_size": 40, "shuffle": False, "drop_last": False},
        {"regime": "infinite", "batch_size": 9, "shuffle": Blocked(128, 1), "seed": 4},
        {"regime": "infinite", "batch_size": 100, "shuffle": Blocked(64, 2), "rank": 6, "world_size": 9},
    ],
)
def test_stretches_serve_the_batches_that_single_reads_serve(large: Path, options: dict[str, Any]) -> None:
    limit = 700 // options["batch_size"] if options["regime"] == "infinite" else None
    kept = open_dataset(large, memory_bytes=SOME_MEMORY).loader(**options)
    single = open_dataset(large, memory_bytes=0).loader(**options)
    assert serve(kept, limit) == serve(single, limit)


def test_a_blocked_order_reads_each_stretch_once(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_dataset(large, memory_bytes=SOME_MEMORY)
    dataset.read(range(len(dataset)))
    num_read = 0
    read_into = PositionedFile.read_into

    def count(file: PositionedFile, position: int, target: memoryview) -> None:
        nonlocal num_read
        num_read += len(target) // 3072
        read_into(file, position, target)

    monkeypatch.setattr(PositionedFile, "read_into", count)
    options: dict[str, Any] = {"regime": "finite", "batch_size": 20, "shuffle": Blocked(64, 2), "drop_last": False}
    assert sum(len(batch.ids) for batch in dataset.loader(**options)) == 700
    assert num_read == 700


def test_an_order_that_is_shared_among_many_goes_over_to_single_reads(large: Path) -> None:
    dataset = open_dataset(large, memory_bytes=0)
    store = dataset._store
    cache = StretchCache(store, 2)
    # One image of each stretch.
    for row in range(0, 640, 64):
        rows = np.array([row])
        assert np.array_equal(cache.read_images(rows, rows), store.read_images(rows))
    assert cache._num_read == 2
