from __future__ import annotations

from pathlib import Path

import pytest
from make_dataset import make_dataset

from cifar5m import Dataset, open_dataset
from cifar5m.remote import remote_source


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets the tests of JAX be the last, whatever their names: its threads do not go with forked workers."""
    items.sort(key=lambda item: "jax" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 100 train and 20 test images in shards of 30. Tests that damage one make their own."""
    return make_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    return open_dataset(folder)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of shards, and downloads that are tried again soon."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remote_source, "_FIRST_DELAY_S", 0.01)
    return tmp_path / "cache/cifar5m/shards"
