"""Loops over one loader: when they begin, and several at once."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from serving import code_of, describe, line_of, serve

from cifar5m import Dataset

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "drop_last": False, "seed": 3}


def test_two_loops_over_one_loader_are_told(dataset: Dataset) -> None:
    loader = dataset.loader(**FINITE)
    first = iter(loader)
    next(first)
    assert next(iter(loader)).epoch == 1
    assert code_of(lambda: next(first)) == "loader/overtaken"


@pytest.mark.parametrize("options", [FINITE, {**FINITE, "epochs": 3}, {"regime": "infinite", "batch_size": 9}])
def test_asking_for_an_iterator_moves_nothing(dataset: Dataset, options: dict[str, Any]) -> None:
    loader = dataset.loader(**options)
    iter(loader)
    served = serve(loader, 3)
    assert [batch[:2] for batch in served] == [(0, 0), (0, 1), (0, 2)]
    state = loader.state_dict()
    resumed = dataset.loader(**options)
    resumed.load_state_dict(state)
    # As Lightning looks whether it is iterable.
    iter(resumed)
    assert resumed.state_dict() == state
    assert serve(resumed, 1)[0][:2] == (0, 3)


@pytest.mark.parametrize("options", [{**FINITE, "epochs": 2}, {"regime": "infinite", "batch_size": 9}])
def test_loops_over_one_sequence_of_batches_take_turns(dataset: Dataset, options: dict[str, Any]) -> None:
    whole = serve(dataset.loader(**options), 10)
    loader = dataset.loader(**options)
    loops = [iter(loader), iter(loader)]
    # The first loop takes two batches, the second one, and so on.
    assert [describe(next(loops[turn % 3 == 2])) for turn in range(10)] == whole
    loader.load_state_dict(dataset.loader(**options).state_dict())
    assert code_of(lambda: next(loops[0])) == "loader/overtaken"
    assert serve(loader, 10) == whole


def test_a_loader_says_what_it_is_and_where_it_stands(dataset: Dataset) -> None:
    loader = dataset.loader(**FINITE)
    serve(loader)
    serve(loader, 2)
    what = "finite, 40 samples in batches of 9; epoch 1, position 18"
    assert repr(loader) == f"<cifar5m Loader of {dataset.fingerprint}: {what}>"
    line = line_of(lambda: loader[0])
    assert line.startswith("loader/out-of-range: a loader must be iterated, it was asked for a sample by index: it is")


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("num_workers", [None, 0, 1])
@pytest.mark.parametrize("make_copy", [copy.deepcopy, lambda loader: pickle.loads(pickle.dumps(loader))])
def test_a_copy_of_a_running_loader_stands_where_it_does(dataset: Dataset, num_workers: Any, make_copy: Any) -> None:
    loader: Any = dataset.loader(**FINITE, layout="NCHW")
    expected = [serve(loader) for _ in range(3)]
    loader = dataset.loader(**FINITE, layout="NCHW")
    if num_workers is not None:
        loader = pytest.importorskip("cifar5m.torch").Loader(dataset, **FINITE, num_workers=num_workers)
    loop = iter(loader)
    served = [describe(next(loop)), describe(next(loop))]
    copied = make_copy(loader)
    assert copied.state_dict() == loader.state_dict()
    assert [serve(copied), serve(copied)] == expected[1:]
    assert served + [describe(batch) for batch in loop] == expected[0]
