"""Files are closed with their data set, which then says so."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from make_dataset import make_columns, make_dataset
from serving import line_of

from cifar5m import open_dataset

IDS = np.array([id for id in range(200) if id % 7 != 3])[:100]
COLUMNS = make_columns(IDS)


def open_descriptors(folder: Path) -> list[str]:
    """Files of a folder that this process has open."""
    links = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
    return [path for path in links if path.startswith(os.path.realpath(folder))]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_files_are_closed_with_the_data_set_or_when_nobody_refers_to_it(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        dataset = open_dataset(folder)
        # The manifest was read, and is closed.
        assert open_descriptors(folder) == []
        dataset.read(range(100))
        assert len(open_descriptors(folder)) == 4
        del dataset
        assert open_descriptors(folder) == []
        with open_dataset(folder) as dataset:
            dataset.splits["test"].read(range(20))
            dataset.filter(classes=["cat"]).close()
            assert len(open_descriptors(folder)) == 5 and dataset[0].id == 0
        assert open_descriptors(folder) == []


def test_a_closed_data_set_says_so(folder: Path) -> None:
    dataset = open_dataset(folder)
    part, test, loader = (
        dataset.filter(classes=["cat"]),
        dataset.splits["test"],
        dataset.loader(regime="infinite", batch_size=9),
    )
    loop = iter(loader)
    next(loop)
    dataset.close()
    dataset.close()
    copied = pickle.loads(pickle.dumps(dataset))
    for action in (
        lambda: dataset[0],
        lambda: dataset.read_column("class", [0]),
        lambda: dataset.filter(classes=["cat"]),
        lambda: part[0],
        lambda: test[0],
        lambda: copied[0],
        lambda: next(loop),
        lambda: next(iter(loader)),
    ):
        line = line_of(action)
        assert line == f"dataset/closed: {folder} must be open, it was closed. Open it again."
    assert len(dataset) == 100 and open_dataset(folder)[0].id == 0
