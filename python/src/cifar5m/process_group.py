"""The rank of a loader, from the group of processes that the training runs in."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from .errors import Cifar5mError
from .options import LoaderOptions

# Rank and world size.
Group = tuple[int, int]


class ProcessGroup:
    """The rank and world size that a loader takes from its framework, unless it is told one of them.

    Args:
        options: those that the loader was given.
        find: the group that this process is in now, None for none. A function of a module: it travels to workers.
        begin: the call that forms the group, for the message.
    """

    def __init__(self, options: LoaderOptions, find: Callable[[], Group | None], begin: str) -> None:
        self._is_given = options.get("rank") is not None or options.get("world_size") is not None
        self._find, self._begin = find, begin
        self._taken = find()

    def complete(self, options: LoaderOptions) -> LoaderOptions:
        """The options with the rank and world size of the group."""
        if self._is_given or self._taken is None:
            return options
        rank, world_size = self._taken
        return {**options, "rank": rank, "world_size": world_size}

    def warn_of_unequal_parts(self, batch_size: int) -> None:
        """Warns, on rank 0, where the ranks of the group get parts of unequal size; call it as a loader is made."""
        if self._is_given or self._taken is None:
            return
        rank, world_size = self._taken
        if rank == 0 and batch_size % world_size > 0:
            warnings.warn(
                f"batch_size should be a multiple of world_size ({world_size}), it is {batch_size}: some ranks get a "
                "sample more than others, and a mean of their means weighs samples unequally. Choose a multiple, or "
                "weigh the losses by the samples of each rank.",
                stacklevel=3,
            )

    def require_unchanged(self) -> None:
        """Refuses to serve every process the same samples because the group was formed after the loader.

        Raises:
            Cifar5mError: `loader/wrong-group`.
        """
        found = self._find()
        if self._is_given or found is None or found == (self._taken or (0, 1)):
            return
        raise Cifar5mError(
            "loader/wrong-group",
            f"the rank of a loader must be that of its process, {found[0]} of {found[1]}: the group of processes was "
            f"formed after the loader was made. Call {self._begin} first, or pass rank and world_size.",
        )
