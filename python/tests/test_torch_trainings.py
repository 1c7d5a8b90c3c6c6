"""Trainings in processes of their own with one data set for DataLoader."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from epochs import FINITE  # noqa: E402
from serving import serve  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from cifar5m.torch import IterableDataset  # noqa: E402

# Of machines with few cores; speed is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def put_epochs(batches: Any, queue: Any) -> None:
    queue.put([serve(batches)[0][0] for _ in range(2)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_trainings_in_processes_of_their_own_count_their_own_epochs(
    dataset: Any, method: str, num_workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For spawned processes, which import this file wherever pytest was started.
    monkeypatch.syspath_prepend(Path(__file__).parents[1])
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("this system starts no processes so")
    context = torch.multiprocessing.get_context(method)
    served = IterableDataset(dataset, **FINITE)
    assert serve(served)[0][0] == 0
    batches = DataLoader(served, batch_size=None, num_workers=num_workers)
    queues = [context.SimpleQueue() for _ in range(2)]
    trainings = [context.Process(target=put_epochs, args=(batches, queue)) for queue in queues]
    for training in trainings:
        training.start()
    for training in trainings:
        training.join(300)
        assert training.exitcode == 0
    assert [queue.get() for queue in queues] == [[1, 2], [1, 2]]
    # This one is a training, too.
    assert serve(batches)[0][0] == 1
