"""Ranks of torch.distributed: a real group of two."""

from __future__ import annotations

import multiprocessing
import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from epochs import FINITE, expected_epochs  # noqa: E402
from rank_process import serve_as_rank  # noqa: E402

from cifar5m.torch import IterableDataset, Loader  # noqa: E402
from cifar5m.torch_parts import tensor_source  # noqa: E402

# Of machines with few cores; speed is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch has no distributed")
def test_ranks_of_torch_distributed_share_the_global_batches(dataset: Any, folder: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    arguments = [(str(folder), str(tmp_path / "group"), rank, queue) for rank in (0, 1)]
    processes = [context.Process(target=serve_as_rank, args=(*each, FINITE)) for each in arguments]
    for process in processes:
        process.start()
    served = {rank: rest for rank, *rest in (queue.get(timeout=600) for _ in processes)}
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    for rank in (0, 1):
        epochs = expected_epochs(dataset, {**FINITE, "rank": rank, "world_size": 2}, 2)
        assert served[rank][:2] == [epochs, epochs]
        lone, early = served[rank][3][:2], served[rank][3][2:]
        for line, name in zip(lone, ("rank", "world_size"), strict=True):
            assert line.startswith(
                f"loader/out-of-range: rank and world_size must be given together, got {name} alone."
            )
        assert early == [
            f"loader/wrong-group: the rank of a loader must be that of its process, {rank} of 2: the group of "
            "processes was formed after the loader was made. Call torch.distributed.init_process_group first, or pass "
            "rank and world_size."
        ] * len(early)
        assert len(early) == 3
        assert served[rank][4] == expected_epochs(dataset, FINITE, 1)[0]
    assert served[0][2] == served[1][2]


@pytest.mark.parametrize("kind", [Loader, IterableDataset])
def test_a_batch_that_ranks_do_not_divide_is_told_on_rank_0(
    dataset: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    for rank, batch_size, num_warnings in ((0, 10, 1), (1, 10, 0), (0, 12, 0)):
        monkeypatch.setattr(tensor_source, "_find_group", lambda rank=rank: (rank, 4))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kind(dataset, regime="infinite", batch_size=batch_size)
        assert len(caught) == num_warnings
        for warning in caught:
            assert warning.filename == __file__
            assert str(warning.message).startswith("batch_size should be a multiple of world_size (4), it is 10: some")
    # Who passes rank and world size knows them.
    sizes = [
        len(next(iter(Loader(dataset, regime="infinite", batch_size=10, rank=rank, world_size=4))).ids)
        for rank in range(4)
    ]
    assert sizes == [3, 3, 2, 2]
