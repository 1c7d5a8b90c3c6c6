"""Interrupts, as of Ctrl-C or of a time limit: what is served after one is what would have been served without it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from serving import serve

from cifar5m import open_dataset
from cifar5m.batch_maker import BatchMaker
from cifar5m.ids_and_labels import IdsAndLabels
from cifar5m.sample_order import SampleOrder

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "drop_last": False, "seed": 3}


def interrupt_at(code: CodeType, number: int, action: Callable[[], Any]) -> bool:
    """Whether an action came to a line of a function, counted over all of its calls; it is interrupted before it."""
    num_lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal num_lines
        if frame.f_code is not code:
            return None
        if event == "line":
            if num_lines == number:
                raise KeyboardInterrupt
            num_lines += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("epoch_after", [0, 1])
@pytest.mark.parametrize("function", [SampleOrder.slots, IdsAndLabels.add, BatchMaker._look_up])
def test_an_interrupt_at_any_line_leaves_nothing_half_done(folder: Path, function: Any, epoch_after: int) -> None:
    expected = open_dataset(folder).loader(**FINITE)
    epochs = [serve(expected) for _ in range(3)]
    number, was_interrupted = 0, True
    while was_interrupted:
        loader = open_dataset(folder).loader(**FINITE)

        def serve_two(loader: Any = loader) -> None:
            serve(loader)
            serve(loader)

        was_interrupted = interrupt_at(function.__code__, number, serve_two)
        loader.load_state_dict({**loader.state_dict(), "epoch": epoch_after, "position": 0})
        assert [serve(loader), serve(loader)] == epochs[epoch_after:][:2], f"after an interrupt at line {number}"
        number += 1
    assert number > 5
