"""What a loop served, in a form that can be compared."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

from cifar5m import Batch, Cifar5mError, Dataset, RemoteOptions, open_dataset


def describe(batch: Batch[Any]) -> tuple[Any, ...]:
    """Epoch, step, ids, labels and a hash of the images of a batch of any kind of array."""
    images = np.ascontiguousarray(np.asarray(batch.images))
    digest = hashlib.sha256(images.tobytes()).hexdigest()[:16]
    return batch.epoch, batch.step, tuple(batch.ids.tolist()), tuple(batch.labels.tolist()), digest


def serve(batches: Iterable[Batch[Any]], limit: int | None = None) -> list[tuple[Any, ...]]:
    return [describe(batch) for batch in islice(batches, limit)]


def line_of(action: Callable[[], Any]) -> str:
    """The line of the error of an action; nothing if there is none.

    Unlike pytest.raises it keeps no traceback, which would keep worker processes from ending.
    """
    try:
        action()
    except Cifar5mError as error:
        traceback.clear_frames(error.__traceback__)
        return str(error)
    return ""


def code_of(action: Callable[[], Any]) -> str:
    return line_of(action).partition(":")[0]


def open_quickly(url: str, **options: Any) -> Dataset:
    """Opens a data set on a server, and gives up soon."""
    return open_dataset(url, remote=RemoteOptions(tries=3, timeout_s=5, **options))
