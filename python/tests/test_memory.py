"""Which images are held in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from make_dataset import CLASS_NAMES

from cifar5m import open_dataset
from cifar5m.shard import Shard


def test_columns_and_filters_leave_images_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    read_column = Shard.read_column

    def note(shard: Shard, file: Any, name: str) -> Any:
        read.append(name)
        return read_column(shard, file, name)

    monkeypatch.setattr(Shard, "read_column", note)
    dataset = open_dataset(folder)
    dataset.read_column("label")
    cats = dataset.filter(classes=[CLASS_NAMES[0]])
    assert "image" not in read
    _ = cats[0], cats[0]
    assert read.count("image") == 1


def test_a_sample_that_is_kept_keeps_no_other_image(folder: Path) -> None:
    for sample in (*open_dataset(folder), open_dataset(folder)[7]):
        memory = sample.image
        while memory.base is not None:
            memory = memory.base
        assert memory.nbytes == 3072
