"""One rank of a group of torch.distributed, in a module that a spawned process can import."""

from __future__ import annotations

from typing import Any

import torch
from serving import serve
from torch.utils.data import DataLoader

from cifar5m import open_dataset
from cifar5m.torch import IterableDataset, Loader


def serve_as_rank(folder: str, group: str, rank: int, queue: Any, options: dict[str, Any]) -> None:
    """Puts (rank, two epochs of Loader, two of IterableDataset, the state) into a queue."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{group}", rank=rank, world_size=2)
    dataset = open_dataset(folder)
    loader = Loader(dataset, **options)
    iterable = DataLoader(IterableDataset(dataset, **options), batch_size=None, num_workers=2)
    queue.put((rank, [serve(loader) for _ in range(2)], [serve(iterable) for _ in range(2)], loader.state_dict()))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
