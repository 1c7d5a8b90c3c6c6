"""cifar5m for PyTorch.

    from cifar5m.torch import Loader

    loader = Loader(dataset, regime="finite", num_samples=1000, batch_size=100, num_workers=2)
    for epoch in range(3):
        for images, labels, ids in loader:
            ...  # uint8 [100, 3, 32, 32], int64 [100], int64 [100]

`Loader` is the whole of it: epochs, worker processes, ranks and exact states. `IterableDataset` and `MapDataset` are
for code that makes a DataLoader itself.
"""

from .torch_parts.iterable_dataset import IterableDataset
from .torch_parts.map_dataset import MapDataset
from .torch_parts.tensor_source import TensorBatch
from .torch_parts.torch_loader import Loader

__all__ = ["IterableDataset", "Loader", "MapDataset", "TensorBatch"]
