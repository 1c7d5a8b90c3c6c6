"""Batches and states equal those of the TypeScript loader. tests/python/make-expected.ts makes what is expected."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from from_typescript import to_python

from cifar5m import open_dataset

FOLDER = os.environ.get("CIFAR5M_EXPECTED")
if FOLDER is None:
    pytest.skip("CIFAR5M_EXPECTED is not set: run tests/python with vitest", allow_module_level=True)
EXPECTED: dict[str, Any] = json.loads((Path(FOLDER) / "expected.json").read_text())


@pytest.fixture(scope="module")
def dataset() -> Any:
    return open_dataset(Path(FOLDER) / "dataset")


def describe(batch: Any, state: Any) -> dict[str, Any]:
    images = np.asarray(batch.images)
    extras = [batch.classes, batch.confidences, batch.probabilities]
    return {
        "epoch": batch.epoch,
        "step": batch.step,
        "ids": batch.ids.tolist(),
        "labels": batch.labels.tolist(),
        "images": hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest(),
        "state": state,
        "extras": [values.reshape(-1).tolist() for values in extras if values is not None],
    }


def serve(loader: Any, num_batches: int) -> list[dict[str, Any]]:
    """So many batches, over the loops it takes."""
    served: list[dict[str, Any]] = []
    while len(served) < num_batches:
        for batch in loader:
            served.append(describe(batch, loader.state_dict()))
            if len(served) == num_batches:
                break
    return served


@pytest.mark.parametrize("job", EXPECTED["served"], ids=lambda job: json.dumps(job["options"]))
def test_numpy_batches_and_states_are_equal_and_every_state_resumes(dataset: Any, job: Any) -> None:
    options, expected = to_python(job["options"]), job["batches"]
    assert serve(dataset.loader(**options), len(expected)) == expected
    for taken, batch in enumerate(expected[:-1], 1):
        resumed = dataset.loader(**options)
        resumed.load_state_dict(batch["state"])
        assert serve(resumed, 1) == expected[taken : taken + 1]


@pytest.mark.parametrize("num_workers", [0, 1, 2, 3, 4])
def test_torch_batches_and_states_are_equal_at_any_number_of_workers(dataset: Any, num_workers: int) -> None:
    torch = pytest.importorskip("torch")
    from cifar5m.torch import IterableDataset, Loader

    jobs = [job for job in EXPECTED["served"] if job["options"]["rank"] == job["options"]["worldSize"] - 1]
    for job in jobs if num_workers < 3 else jobs[::3]:
        options, expected = to_python({"layout": "NHWC", **job["options"]}), job["batches"]
        assert serve(Loader(dataset, **options, num_workers=num_workers), len(expected)) == expected
        if options["regime"] == "infinite":
            continue
        batches = torch.utils.data.DataLoader(
            IterableDataset(dataset, **options),
            batch_size=None,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
        )
        served = [describe(batch, None) for batch in batches]
        assert served == [{**batch, "state": None} for batch in expected]


@pytest.mark.parametrize("case", EXPECTED["filtered"], ids=lambda case: json.dumps(case["filter"]))
def test_filters_keep_the_same_rows_under_the_same_name(dataset: Any, case: Any) -> None:
    names = {"classes": "classes", "minConfidence": "min_confidence", "flags": "flags"}
    part = dataset.filter(**{names[key]: value for key, value in case["filter"].items()})
    assert part.fingerprint == case["fingerprint"]
    assert [sample.id for sample in part] == case["ids"]
