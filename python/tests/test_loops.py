"""Loops over one loader: when they begin, and several at once."""

from __future__ import annotations

from typing import Any

import pytest
from serving import code_of, describe, serve

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
