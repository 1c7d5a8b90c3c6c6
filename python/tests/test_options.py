"""Options of the dataclasses that loaders and data sets take."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from serving import line_of

from cifar5m import Augment, Dataset, RemoteOptions


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: Augment(flips=True), "flips is not an option of Augment. Did you mean flip? Use one of: flip, crop, "),
        (lambda: replace(Augment(), pad=4), "pad is not an option of Augment. Use one of: flip, crop, crop_mode, cut"),
        (
            lambda: RemoteOptions(cacheBytes=3),
            "cacheBytes is not an option of RemoteOptions. Did you mean cache_bytes?",
        ),
    ],
)
def test_a_misspelled_option_is_told_which_was_meant(make: Any, line: str) -> None:
    assert line_of(make).startswith(f"options/unknown-key: {line}")


def test_dataclasses_of_options_are_as_others() -> None:
    assert list(inspect.signature(Augment).parameters) == ["flip", "crop", "crop_mode", "cutout", "mixup"]
    augment = replace(Augment(True, crop=4), cutout=8)
    assert pickle.loads(pickle.dumps(augment)) == augment == Augment(flip=True, crop=4, cutout=8)


@pytest.mark.parametrize("classes", [{"cat", 5}, np.array([3, 5]), ("cat", np.int64(5)), (name for name in ["cat", 5])])
def test_classes_may_be_of_any_collection(dataset: Dataset, classes: Any) -> None:
    assert dataset.filter(classes=classes).fingerprint == dataset.filter(classes=["cat", "dog"]).fingerprint


def test_an_epoch_beyond_those_of_typescript_is_refused(dataset: Dataset) -> None:
    loader = dataset.loader(regime="finite", batch_size=10)
    rule = "must be an integer in [0, 9007199254740991], got 9007199254740992."
    assert line_of(lambda: loader.set_epoch(2**53)).startswith(f"loader/out-of-range: epoch {rule}")
    state = {**loader.state_dict(), "epoch": 2**53}
    line = line_of(lambda: loader.load_state_dict(state))
    assert line.startswith(f"loader-state/invalid: epoch of the loader state {rule}")
