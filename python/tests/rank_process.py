"""One rank of a group of torch.distributed, in a module that a spawned process can import."""

from __future__ import annotations

from typing import Any

import torch
from serving import line_of, serve
from torch.utils.data import DataLoader

from cifar5m import open_dataset
from cifar5m.torch import IterableDataset, Loader


def serve_as_rank(folder: str, group: str, rank: int, queue: Any, options: dict[str, Any]) -> None:
    """Puts (rank, two epochs of Loader, two of IterableDataset, the state, lines, one epoch of one) into a queue.

    The lines are those of the errors where rank or world_size is given alone, and of loaders that were made before the
    group; the epoch is that of world_size=1.
    """
    dataset = open_dataset(folder)
    served = IterableDataset(dataset, **options)
    spawned: Any = {"num_workers": 1, "multiprocessing_context": "spawn"}
    early = [Loader(dataset, **options), *(DataLoader(served, batch_size=None, **more) for more in ({}, spawned))]
    torch.distributed.init_process_group("gloo", init_method=f"file://{group}", rank=rank, world_size=2)
    loader = Loader(dataset, **options)
    iterable = DataLoader(IterableDataset(dataset, **options), batch_size=None, num_workers=2)
    epochs = [[serve(loop) for _ in range(2)] for loop in (loader, iterable)]
    lines = [line_of(lambda lone=lone: Loader(dataset, **options, **lone)) for lone in ({"rank": 0}, {"world_size": 4})]
    lines += [line_of(lambda loop=loop: serve(loop)) for loop in early]
    queue.put((rank, *epochs, loader.state_dict(), lines, serve(Loader(dataset, **options, world_size=1))))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
