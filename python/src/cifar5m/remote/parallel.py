"""Several downloads at once, which an error or an interrupt ends without waiting for the others."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AGAIN_S = 0.05


def gather(attempt: Callable[[Item, Event], Result | None], items: Sequence[Item], num_threads: int) -> list[Result]:
    """What attempts give, in the order of the items.

    Args:
        attempt: gets an item, and an event that tells it to give up. Where it returns None, the item is tried again
            after the others.
        num_threads: threads at most. Python does not wait for them at its end.

    Raises:
        What an attempt raises, or an interrupt of this thread. Attempts that are under way are told, not waited for.
    """
    stop = Event()
    futures: list[Future[Result]] = [Future() for _ in items]
    todo = deque(zip(futures, items, strict=True))
    # Workers that need the same shards begin with different ones.
    random.Random().shuffle(todo)

    def work() -> None:
        while not stop.is_set():
            try:
                future, item = todo.popleft()
            except IndexError:
                return
            try:
                result = attempt(item, stop)
            except BaseException as error:
                future.set_exception(error)
                return
            if result is None:
                todo.append((future, item))
                stop.wait(_AGAIN_S)
            else:
                future.set_result(result)

    failed: list[Future[Result]] = []
    try:
        if len(items) == 1:
            work()
        else:
            threads = [Thread(target=work, daemon=True) for _ in range(min(num_threads, len(items)))]
            for thread in threads:
                thread.start()
            wait(futures, return_when=FIRST_EXCEPTION)
        failed = [future for future in futures if future.done() and future.exception() is not None]
        if not failed and len(items) > 1:
            # They are at their end. A process that forked now would copy locks that they hold.
            for thread in threads:
                thread.join()
        return [future.result() for future in failed or futures]
    finally:
        stop.set()
        # An error refers to this frame: in a cycle with it, files would stay open until it is collected.
        del futures, failed
