"""Interrupts of the training's process, while its workers live on."""

from __future__ import annotations

import signal
import time
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from epochs import FINITE, expected_epochs  # noqa: E402
from serving import serve  # noqa: E402

from cifar5m.torch import Loader  # noqa: E402

# Of machines with few cores; speed is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


class TimeLimitError(RuntimeError):
    """What a handler of a signal may raise, such as one of a time limit."""


def take_long(images: Any) -> Any:
    time.sleep(0.2 + 0.4 * torch.utils.data.get_worker_info().id)
    return images


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
@pytest.mark.parametrize(
    ("error_class", "after_s"),
    [(KeyboardInterrupt, 0.1), (KeyboardInterrupt, 0.3), (SystemExit, 0.1), (TimeLimitError, 0.1)],
)
def test_a_loop_after_an_interrupted_one_serves_what_it_would_have(
    dataset: Any, error_class: type[BaseException], after_s: float
) -> None:
    epochs = expected_epochs(dataset, FINITE, 3)
    loader = Loader(dataset, **FINITE, num_workers=2, prefetch_factor=1, transform=take_long)
    # Its workers are still busy with this loop when the next one begins.
    assert serve(loader, 1) == epochs[0][:1]

    def interrupt(*_: Any) -> None:
        raise error_class

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, after_s)
        with pytest.raises(error_class):
            serve(loader)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    state = loader.state_dict()
    assert state["epoch"] == 1
    loader.load_state_dict(state)
    assert serve(loader) == epochs[1][state["position"] // 9 :]
    assert serve(loader) == epochs[2]


def test_workers_begin_where_the_default_device_draws_no_numbers(dataset: Any) -> None:
    loader = Loader(dataset, **FINITE, num_workers=1)
    with torch.device("meta"):
        served = [serve(loader), serve(loader)]
    assert served == expected_epochs(dataset, FINITE, 2)
