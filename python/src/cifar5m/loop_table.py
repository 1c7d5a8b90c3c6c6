"""Which loop over an IterableDataset is which epoch, in all processes that share in it."""

from __future__ import annotations

import hashlib
import os
from typing import Any
from weakref import WeakSet

import torch
from torch.utils.data import get_worker_info

from .schedule import Cursor


class LoopTable:
    """Which loop is which epoch, in memory that this process and its workers share.

    A DataLoader does not tell its data set that a loop begins, and workers that live on never see what changes in the
    data set of the training process. So each process notes which loops it began. A worker that begins its n-th one
    looks whether another worker of the same DataLoader iterator, known by its seed, has noted its n-th already: then it
    is the same loop. Workers that live on may be a loop apart, because one that starts slowly still has to begin the
    loop that the training has left.

    Notes are written at once, and those of different numbers of workers lie apart, so there is no lock. Workers of
    several iterators that run at once may have the same number. Each number has cells for several notes, and the oldest
    one gives way.

    A table is that of one training. Another process that trains with the same data set, forked or spawned, goes on with
    a table of its own, which begins as a copy.
    """

    # Less than 32 KiB of cells: torch copies more by several threads, for which a forked process would wait forever.
    _MAX_WORKERS = 500
    # Cells for notes of each number of a worker.
    _NOTES = 8
    # After three cells of the whole come those of this process and of its workers.
    _LOOPS = slice(3, 3 + (1 + _MAX_WORKERS) * _NOTES)
    # A note is a loop plus 1, how many loops the worker began before it, modulo 16, and 24 bits that tell the iterator.
    _LOOP_SHIFT = 28

    def __init__(self) -> None:
        # Processes share memory of the CPU only, whatever the default device is.
        cells = torch.zeros(self._LOOPS.stop, dtype=torch.int64, device="cpu")
        self._shared: Any = cells.share_memory_()  # type: ignore[no-untyped-call]
        # How many loops this worker began.
        self._num_begun = 0
        self._process_id = os.getpid()
        # The loop of this process that began last, and where it stands.
        self._noted: tuple[int, Cursor] | None = None
        _tables.add(self)

    @property
    def last_cursor(self) -> Cursor | None:
        """Where the loop that was begun last stands; None if a worker knows."""
        return self._noted[1] if self._noted is not None and self._noted[0] == self.last_loop else None

    def note_cursor(self, loop: int, cursor: Cursor) -> None:
        """Notes where a loop of this process stands; one that a newer loop overtook is not asked for."""
        if self._noted is None or self._noted[0] <= loop:
            self._noted = loop, cursor

    @property
    def _cells(self) -> Any:
        """The cells of the training that this process is, or works for: int64."""
        if self._process_id != os.getpid() and get_worker_info() is None:
            self._shared = self._shared.clone().share_memory_()
            self._process_id = os.getpid()
        return self._shared.numpy()

    @property
    def offset(self) -> int:
        """Epoch of loop 0."""
        return int(self._cells[0])

    @property
    def start_loop(self) -> int:
        """The loop that begins at `start_position`; all others begin at 0."""
        return int(self._cells[1])

    @property
    def start_position(self) -> int:
        return int(self._cells[2])

    @property
    def last_loop(self) -> int:
        """The loop that was begun last; −1 for none."""
        return int(self._cells[self._LOOPS].max() >> self._LOOP_SHIFT) - 1

    @property
    def next_loop(self) -> int:
        return self.last_loop + 1

    def begin(self, worker: Any) -> int:
        """The loop that this process begins now."""
        # One look at all cells: what another process writes meanwhile is seen whole, or not at all.
        notes = self._cells[self._LOOPS].tolist()
        next_loop = max(notes) >> self._LOOP_SHIFT
        if worker is None:
            return self._note(0, next_loop, 0)
        seed = hashlib.sha256(str(worker.seed - worker.id).encode()).digest()
        tag = int.from_bytes(seed[:3], "big") | self._num_begun % 16 << 24
        self._num_begun += 1

        def begun(number: int) -> list[int]:
            of_number = notes[number * self._NOTES : (number + 1) * self._NOTES]
            return [
                (note >> self._LOOP_SHIFT) - 1 for note in of_number if note and note % (1 << self._LOOP_SHIFT) == tag
            ]

        # What a former worker of this number began is not ours, even if its DataLoader had the same seed.
        before = max(begun(1 + worker.id), default=-1)
        joined = [loop for peer in range(worker.num_workers) for loop in begun(1 + peer) if loop > before]
        own = range((1 + worker.id) * self._NOTES, (2 + worker.id) * self._NOTES)
        # From a cell on that differs by iterator, so that two which begin at once do not choose the same empty one.
        cell = min(own, key=lambda cell: (notes[cell] >> self._LOOP_SHIFT, (cell - tag) % self._NOTES))
        return self._note(cell, max(joined, default=next_loop), tag)

    def start_next_at(self, cursor: Cursor) -> None:
        """Lets the next loop begin at a cursor."""
        self.start_at(self.next_loop, cursor)

    def start_at(self, loop: int, cursor: Cursor) -> None:
        """Lets a loop begin at a cursor, and later ones be of the epochs that follow."""
        self._cells[0], self._cells[1], self._cells[2] = cursor.epoch - loop, loop, cursor.position

    def _note(self, cell: int, loop: int, tag: int) -> int:
        self._cells[self._LOOPS.start + cell] = (loop + 1) << self._LOOP_SHIFT | tag
        return loop

    def __getstate__(self) -> dict[str, Any]:
        # Spawned workers share the cells of the training that starts them.
        _ = self._cells
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # Plain pickling copies the cells: the copy is a table of its own.
        if not self._shared.is_shared():
            self._shared.share_memory_()
            self._process_id = os.getpid()
        _tables.add(self)


_tables: WeakSet[LoopTable] = WeakSet()


def _begin_fork() -> None:
    """Forked workers, too, share the cells of the training that starts them."""
    for table in list(_tables):
        _ = table._cells


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_begin_fork)
