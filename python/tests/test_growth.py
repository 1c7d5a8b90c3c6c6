"""Sets that have grown: docs/order.md, section 5."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_dataset import describe_shard, describe_split, make_columns, make_manifest, write_manifest, write_shard

from cifar5m import Cifar5mError, open_dataset


def hash_lines(manifest: dict[str, Any], num_train: int, num_test: int) -> str:
    splits = manifest["splits"]
    shards = splits["train"]["shards"][:num_train] + splits["test"]["shards"][:num_test]
    return "".join(f"{shard['file']} {shard['sha256']}\n" for shard in shards)


@pytest.fixture
def sizes(tmp_path: Path) -> list[Path]:
    """A set of 40 train images, and the same grown to 100."""
    folders = []
    for num_train in (4, 10):
        folder = tmp_path / str(num_train)
        splits = {}
        for name, first, num_shards in (("train", 0, num_train), ("test", 10**12, 2)):
            ids = np.arange(first, first + 10 * num_shards)
            shards = []
            for index in range(num_shards):
                columns = make_columns(ids[10 * index : 10 * index + 10])
                file = f"{name}/part-{index:05}.arrow"
                write_shard(folder / file, columns)
                shards.append(describe_shard(folder, file, columns))
            splits[name] = describe_split(shards, ids % 10)
        manifest = make_manifest(splits)
        if num_train == 10:
            before = hashlib.sha256(hash_lines(manifest, 4, 2).encode()).hexdigest()
            lines = hash_lines(manifest, 10, 2) + f"grown 4 2 {before}\n"
            manifest |= {
                "version": 2,
                "growth": [{"train": 4, "test": 2, "sha256": before}],
                "sha256": hashlib.sha256(lines.encode()).hexdigest(),
            }
        write_manifest(folder, manifest)
        folders.append(folder)
    return folders


def ids_of(loader: Any) -> list[int]:
    served: list[int] = []
    try:
        for batch in loader:
            served += batch.ids.tolist()
    except Cifar5mError as error:
        assert error.code == "regime/exhausted"
    return served


def test_a_grown_set_serves_what_it_served_before_and_then_what_it_grew_by(sizes: list[Path]) -> None:
    before, now = (open_dataset(folder) for folder in sizes)
    options: Any = {"regime": "infinite", "batch_size": 5, "seed": 3}
    served = ids_of(now.loader(**options))
    assert served[:40] == ids_of(before.loader(**options))
    assert sorted(served) == list(range(100))
    subset: Any = {"regime": "finite", "batch_size": 4, "seed": 3, "epochs": 1, "shuffle": "full"}
    for num_samples in (8, 40):
        expected = ids_of(before.loader(num_samples=num_samples, **subset))
        assert ids_of(now.loader(num_samples=num_samples, **subset)) == expected


def test_a_state_of_the_earlier_size_goes_on(sizes: list[Path]) -> None:
    before, now = (open_dataset(folder) for folder in sizes)
    options: Any = {"regime": "infinite", "batch_size": 5, "seed": 3}
    loader = before.loader(**options)
    for _, _batch in zip(range(3), loader, strict=False):
        pass
    resumed = now.loader(**options)
    resumed.load_state_dict(loader.state_dict())
    assert ids_of(resumed) == ids_of(now.loader(**options))[15:]
    finite: Any = {"regime": "finite", "batch_size": 5, "seed": 3}
    state = before.loader(**finite).state_dict()
    now.loader(num_samples=40, **finite).load_state_dict(state)
    with pytest.raises(Cifar5mError, match="numSamples of the loader state is 40, this loader has 100"):
        now.loader(**finite).load_state_dict(state)


def test_a_state_with_live_images_beyond_the_earlier_size_is_refused(sizes: list[Path]) -> None:
    before, now = (open_dataset(folder) for folder in sizes)
    options: Any = {"regime": "infinite", "batch_size": 5, "seed": 3}
    state = before.loader(**options).state_dict()
    now.loader(**options).load_state_dict({**state, "position": 40})
    with pytest.raises(Cifar5mError, match="position of the loader state must be at most 40") as caught:
        now.loader(**options).load_state_dict({**state, "position": 45})
    assert caught.value.code == "loader-state/mismatch"


def test_an_iterable_dataset_takes_a_state_of_the_earlier_size(sizes: list[Path]) -> None:
    pytest.importorskip("torch")
    from cifar5m.torch import IterableDataset

    before, now = (open_dataset(folder) for folder in sizes)
    options: Any = {"regime": "infinite", "batch_size": 5, "seed": 3}
    served = IterableDataset(now, **options)
    served.load_state_dict({**before.loader(**options).state_dict(), "position": 15})
    assert ids_of(served) == ids_of(now.loader(**options))[15:]


def test_test_ids_have_a_range_of_their_own(sizes: list[Path]) -> None:
    ids = open_dataset(sizes[1], split="test").read(range(20)).ids
    assert ids.tolist() == list(range(10**12, 10**12 + 20))


def test_a_filtered_part_begins_with_that_of_before(sizes: list[Path]) -> None:
    before, now = (open_dataset(folder).filter(classes=[1, 4]) for folder in sizes)
    options: Any = {"regime": "infinite", "batch_size": 2, "seed": 3}
    served = ids_of(before.loader(**options))
    assert ids_of(now.loader(**options))[: len(served)] == served
    now.loader(**options).load_state_dict(before.loader(**options).state_dict())


def test_earlier_sizes_that_do_not_follow_are_refused(sizes: list[Path]) -> None:
    manifest = make_manifest(
        {"train": describe_split([], np.array([], np.int64)), "test": describe_split([], np.array([], np.int64))}
    )
    for growth, seen in (
        ([{"train": 1, "test": 0, "sha256": "0" * 64}], "falling numbers of train shards"),
        ([{"train": 0, "test": 0, "sha256": "0" * 64}], "sha256 of an earlier size"),
        ([], "growth must not be empty"),
    ):
        write_manifest(sizes[0], {**manifest, "version": 2, "growth": growth})
        with pytest.raises(Cifar5mError, match=seen):
            open_dataset(sizes[0])
