"""Workers of a DataLoader over an IterableDataset that start late, or at the same time as others."""

from __future__ import annotations

import time
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from epochs import FINITE, expected_epochs  # noqa: E402
from serving import serve  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from cifar5m.torch import IterableDataset  # noqa: E402

# Of machines with few cores; speed is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def start_second_worker_late(worker: int) -> None:
    time.sleep(worker * 0.5)


def test_a_worker_that_starts_late_begins_the_loops_of_the_others(dataset: Any) -> None:
    served = IterableDataset(dataset, **FINITE)
    batches = DataLoader(
        served, batch_size=None, num_workers=2, persistent_workers=True, worker_init_fn=start_second_worker_late
    )
    epochs = expected_epochs(dataset, FINITE, 4)
    # The first worker begins the second loop while the other has not begun the first one.
    next(iter(batches))
    assert [serve(batches), serve(batches), serve(batches)] == epochs[1:]


def test_workers_of_loops_that_run_at_once_stay_with_their_loop(dataset: Any) -> None:
    served = IterableDataset(dataset, **FINITE)
    batches = DataLoader(served, batch_size=None, num_workers=2, worker_init_fn=start_second_worker_late)
    epochs = expected_epochs(dataset, FINITE, 3)
    first = iter(batches)
    head = serve(first, 1)
    # The second worker of the first loop has not started yet.
    second = iter(batches)
    assert [head + serve(first), serve(second), serve(batches)] == epochs


@pytest.mark.parametrize("persistent", [False, True])
def test_many_loops_with_one_seed_are_one_epoch_each(dataset: Any, persistent: bool) -> None:
    served = IterableDataset(dataset, **FINITE)
    batches = DataLoader(served, batch_size=None, num_workers=2, persistent_workers=persistent)
    for epoch in expected_epochs(dataset, FINITE, 20):
        torch.manual_seed(0)
        assert serve(batches) == epoch
