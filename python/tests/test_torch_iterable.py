"""The torch data set for DataLoader and StatefulDataLoader."""

from __future__ import annotations

import copy
import gc
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from epochs import FINITE, expected_epochs  # noqa: E402
from make_dataset import make_dataset  # noqa: E402
from serving import code_of, line_of, serve  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from cifar5m import Cifar5mError, open_dataset  # noqa: E402
from cifar5m.torch import IterableDataset, Loader  # noqa: E402

# Of machines with few cores; speed is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.mark.parametrize("num_workers", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("persistent", [False, True])
def test_iterable_dataset_serves_each_epoch(dataset: Any, num_workers: int, persistent: bool) -> None:
    if persistent and num_workers == 0:
        pytest.skip("no workers to persist")
    served = IterableDataset(dataset, **FINITE)
    batches = DataLoader(served, batch_size=None, num_workers=num_workers, persistent_workers=persistent)
    epochs = expected_epochs(dataset, FINITE, 4)
    assert len(batches) == 5
    assert serve(batches) == epochs[0]
    # Left early: the next loop is the next epoch all the same.
    assert serve(batches, 2) == epochs[1][:2]
    served.set_epoch(3)
    assert serve(batches) == epochs[3]
    served.set_epoch(1)
    assert serve(batches) == epochs[1]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("persistent", [False, True])
def test_iterable_dataset_with_epochs_has_one_loop(dataset: Any, num_workers: int, persistent: bool) -> None:
    served = IterableDataset(dataset, **FINITE, epochs=3)
    batches = DataLoader(
        served, batch_size=None, num_workers=num_workers, persistent_workers=persistent and num_workers > 0
    )
    whole = [batch for epoch in expected_epochs(dataset, FINITE, 3) for batch in epoch]
    assert len(batches) == 15
    assert serve(batches) == whole
    assert line_of(lambda: serve(batches)).startswith("loader/finished: epochs makes one loop over an IterableDataset")
    served.load_state_dict({**Loader(dataset, **FINITE).state_dict(), "epoch": 1, "position": 18})
    assert serve(batches) == whole[7:]
    assert code_of(lambda: serve(batches)) == "loader/finished"
    assert line_of(lambda: served.set_epoch(1)).startswith("loader/out-of-range: epochs must be left out")
    with pytest.raises(TypeError, match="has no length"):
        len(IterableDataset(dataset, **FINITE, epochs=float("inf")))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_stateful_data_loader_resumes_within_a_loop_of_several_epochs(dataset: Any, num_workers: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    whole = [batch for epoch in expected_epochs(dataset, FINITE, 3) for batch in epoch]
    batches, resumed = (
        stateful(IterableDataset(dataset, **FINITE, epochs=3), batch_size=None, num_workers=num_workers)
        for _ in range(2)
    )
    loop = iter(batches)
    assert serve(loop, 7) == whole[:7]
    resumed.load_state_dict(batches.state_dict())
    assert serve(resumed) == whole[7:]


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_iterable_dataset_in_the_infinite_regime_has_one_loop(dataset: Any, num_workers: int) -> None:
    served = IterableDataset(dataset, regime="infinite", batch_size=9)
    batches = DataLoader(served, batch_size=None, num_workers=num_workers)
    taken: list[int] = []
    line = line_of(lambda: taken.extend(batch.step for batch in batches))
    assert line.startswith("regime/exhausted: the infinite regime was asked for images 100 to 108 of 100")
    assert taken == list(range(11))
    assert code_of(lambda: serve(batches)) == "loader/finished"
    served.load_state_dict(Loader(dataset, regime="infinite", batch_size=9).state_dict())
    assert len(serve(batches, 11)) == 11


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("options", [{}, {"batch_size": 4}])
def test_a_data_loader_that_would_batch_batches_says_what_to_pass(
    dataset: Any, num_workers: int, options: dict[str, Any]
) -> None:
    batches = DataLoader(IterableDataset(dataset, **FINITE), num_workers=num_workers, **options)
    line = line_of(lambda: serve(batches))
    assert line.startswith(
        "loader/out-of-range: batch_size of the DataLoader must be None where the data set makes the"
    )


def test_data_loaders_over_one_data_set_count_on(dataset: Any) -> None:
    served = IterableDataset(dataset, **FINITE)
    many = DataLoader(served, batch_size=None, num_workers=3, persistent_workers=True)
    few = DataLoader(served, batch_size=None, num_workers=2, persistent_workers=True)
    epochs = expected_epochs(dataset, FINITE, 6)
    assert [serve(loop) for loop in (many, few, many, served, few, many)] == epochs


def test_an_iterator_that_is_not_used_begins_no_loop(dataset: Any) -> None:
    served = IterableDataset(dataset, **FINITE)
    epochs = expected_epochs(dataset, FINITE, 2)
    batches = DataLoader(served, batch_size=None)
    iter(batches)
    assert serve(batches, 2) == epochs[0][:2]
    state = served.state_dict()
    iter(batches)
    assert served.state_dict() == state
    resumed = IterableDataset(dataset, **FINITE)
    resumed.load_state_dict(state)
    iter(resumed)
    assert resumed.state_dict() == state
    assert [serve(resumed), serve(resumed)] == [epochs[0][2:], epochs[1]]


def test_a_data_set_that_was_looped_over_can_be_copied_and_sent_to_workers(dataset: Any) -> None:
    served = IterableDataset(dataset, **FINITE)
    epochs = expected_epochs(dataset, FINITE, 2)
    loop = iter(served)
    assert serve(loop, 2) == epochs[0][:2]
    for copied in (copy.deepcopy(served), pickle.loads(pickle.dumps(served))):
        assert copied.state_dict() == served.state_dict()
        assert serve(copied) == epochs[1]
    assert serve(copy.deepcopy(loop)) == serve(loop) == epochs[0][2:]
    batches = DataLoader(served, batch_size=None, num_workers=1, multiprocessing_context="spawn")
    assert serve(batches) == epochs[1]


def test_another_default_device_changes_nothing(dataset: Any) -> None:
    with torch.device("meta"):
        served = IterableDataset(dataset, **FINITE)
        assert serve(served) == expected_epochs(dataset, FINITE, 1)[0]


def test_equal_seeds_of_data_loaders_do_not_repeat_an_epoch(dataset: Any) -> None:
    served = IterableDataset(dataset, **FINITE)
    epochs = []
    for _ in range(3):
        generator = torch.Generator().manual_seed(0)
        epochs.append(serve(DataLoader(served, batch_size=None, num_workers=2, generator=generator)))
    assert epochs == expected_epochs(dataset, FINITE, 3)


def test_the_state_over_a_plain_data_loader_is_exact_or_refused(dataset: Any) -> None:
    whole = [batch for epoch in expected_epochs(dataset, FINITE, 2) for batch in epoch]
    served = IterableDataset(dataset, **FINITE)
    assert served.state_dict()["position"] == 0
    serve(DataLoader(served, batch_size=None), 3)
    state = served.state_dict()
    assert (state["epoch"], state["position"]) == (0, 27)
    resumed = IterableDataset(dataset, **FINITE)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    with_workers = DataLoader(resumed, batch_size=None, num_workers=2)
    assert serve(with_workers) == whole[3:5]
    with pytest.raises(Cifar5mError) as caught:
        resumed.state_dict()
    assert caught.value.code == "loader-state/stale"
    assert resumed.state_dict(num_batches=1)["position"] == 36
    assert resumed.state_dict(num_batches=2) == {**state, "epoch": 1, "position": 0}
    # A count over several loops would silently be that of one.
    line = line_of(lambda: resumed.state_dict(num_batches=3))
    assert line.startswith("loader/out-of-range: num_batches must be an integer in [0, 2], got 3. Pass the batches")
    assert serve(with_workers) == whole[5:]


@pytest.mark.parametrize("num_workers", [0, 2, 8])
def test_stateful_data_loader_resumes_at_every_batch(dataset: Any, num_workers: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    whole = [batch for epoch in expected_epochs(dataset, FINITE, 4) for batch in epoch]

    def make() -> Any:
        return stateful(IterableDataset(dataset, **FINITE), batch_size=None, num_workers=num_workers)

    batches, states = make(), []
    for _ in range(2):
        for _ in batches:
            states.append(batches.state_dict())
    # Every point with few workers; starting eight takes a while.
    for taken, state in list(enumerate(states, 1))[:: 1 if num_workers < 8 else 4]:
        resumed = make()
        resumed.load_state_dict(json.loads(json.dumps(state)) if num_workers == 0 else state)
        # The rest of the epoch, which after its last batch is empty, and the next one.
        left = -taken % 5
        assert [serve(resumed), serve(resumed)] == [whole[taken : taken + left], whole[taken + left : taken + left + 5]]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("regime", ["finite", "infinite"])
def test_stateful_data_loader_goes_back_to_an_earlier_state(dataset: Any, regime: Any, num_workers: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    served = IterableDataset(dataset, regime=regime, batch_size=9)
    batches = stateful(served, batch_size=None, num_workers=num_workers)
    loop = iter(batches)
    serve(loop, 2)
    state = batches.state_dict()
    following = serve(loop, 3)
    for _ in range(2):
        batches.load_state_dict(state)
        assert serve(batches, 3) == following


@pytest.mark.parametrize("num_workers", [0, 2])
def test_stateful_data_loader_resumes_with_workers_that_live_on(dataset: Any, num_workers: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    whole = [batch for epoch in expected_epochs(dataset, FINITE, 4) for batch in epoch]

    def make() -> Any:
        served = IterableDataset(dataset, **FINITE)
        return stateful(served, batch_size=None, num_workers=num_workers, persistent_workers=num_workers > 0)

    for taken in (2, 7, 8):
        batches, count = make(), 0
        while count < taken:
            for _ in batches:
                count += 1
                state = batches.state_dict()
                if count == taken:
                    break
        resumed = make()
        resumed.load_state_dict(state)
        # A resumed loader is saved and resumed again, too.
        first = serve(resumed, 1)
        again = make()
        again.load_state_dict(resumed.state_dict())
        left = -taken % 5
        assert first + serve(again) == whole[taken : taken + left]
        assert serve(again) == whole[taken + left : taken + left + 5]


def test_stateful_data_loader_refuses_another_batch_size(dataset: Any) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    batches = stateful(IterableDataset(dataset, **FINITE), batch_size=None)
    next(iter(batches))
    other = stateful(IterableDataset(dataset, **{**FINITE, "batch_size": 8}), batch_size=None)
    other.load_state_dict(batches.state_dict())
    with pytest.raises(Cifar5mError) as caught:
        next(iter(other))
    assert caught.value.code == "loader-state/mismatch"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_files_of_a_data_set_that_was_looped_over_are_closed_without_the_garbage_collector(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path)

    def num_open() -> int:
        links = (os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd"))
        return sum(link.startswith(os.path.realpath(folder)) for link in links)

    gc.disable()
    try:
        for kind in (IterableDataset, Loader):
            batches = kind(open_dataset(folder), **FINITE)
            serve(batches)
            loop = iter(batches)
            next(loop)
            assert num_open() > 0
            del batches, loop
            assert num_open() == 0
    finally:
        gc.enable()
