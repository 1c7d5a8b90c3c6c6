"""cifar5m for JAX and Grain.

from cifar5m.jax import Loader

loader = Loader(dataset, regime="infinite", batch_size=128, dtype="float32")
for images, labels, ids in loader:
    ...  # jax.Array float32 [128, 32, 32, 3], jax.Array int32 [128], numpy int64 [128]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, SupportsIndex, TypedDict

import jax
import numpy as np
import numpy.typing as npt

from .batch import Batch, Mixup
from .dataset import Dataset, require_dataset
from .loader import BaseLoader, NumpyBatch, transform_images
from .options import LoaderOptions
from .process_group import Group, ProcessGroup
from .schedule import BatchRange

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Loader(BaseLoader[Any]):
    """Batches of jax arrays in the order of a regime. See `cifar5m.loader.BaseLoader` and `LoaderOptions`.

    Labels are int32. Ids stay numpy arrays: JAX would cut them to 32 bits. Rank and world_size are those of
    jax.distributed where it is initialized.

    Args:
        device: a device or sharding for jax.device_put; None for the default device.

    Raises:
        Cifar5mError: `loader/…`, `options/unknown-key` for options out of range. A loop raises
            `loader/wrong-group` if jax.distributed was initialized after the loader was made, unless it was given
            rank and world_size.
    """

    def __init__(self, dataset: Dataset, *, device: Any = None, **options: Unpack[LoaderOptions]) -> None:
        self._group = ProcessGroup(options, _find_group, "jax.distributed.initialize")
        super().__init__(require_dataset(dataset), self._group.complete(options), ["device"])
        self._device = device

    def __iter__(self) -> Iterator[Batch[Any]]:
        self._group.require_unchanged()
        return super().__iter__()

    def _make_batches(self, ranges: Callable[[], Iterable[BatchRange]]) -> Iterator[Batch[Any]]:
        transform = self._options.transform
        for range in ranges():
            batch = self._put(self._source[range])
            yield batch if transform is None else transform_images(batch, transform)

    def _put(self, batch: NumpyBatch) -> Batch[Any]:
        def put(values: npt.NDArray[Any]) -> Any:
            return jax.device_put(_narrow(values), self._device)

        mixup = batch.mixup and Mixup(put(batch.mixup.labels), put(batch.mixup.weights))
        extras = {name: getattr(batch, name) for name in ("classes", "confidences", "probabilities")}
        put_extras = {name: None if values is None else put(values) for name, values in extras.items()}
        return Batch(
            put(batch.images), put(batch.labels), batch.ids, batch.epoch, batch.step, mixup=mixup, **put_extras
        )


class Row(TypedDict):
    """A sample for Grain: image uint8 [32, 32, 3], label int, id int."""

    image: npt.NDArray[np.uint8]
    label: int
    id: int


class DataSource:
    """Samples by index: the random-access protocol of Grain, for `grain.MapDataset.source` and `grain.DataLoader`.

    Order, batches and states are Grain's own. Any number of its threads may read.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = require_dataset(dataset)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, record_key: SupportsIndex) -> Row:
        image, label, id = self._dataset[int(record_key)]
        return {"image": image, "label": label, "id": id}

    def __repr__(self) -> str:
        # Grain compares it with that of a checkpoint: it names the data, not where they lie.
        return f"cifar5m.jax.DataSource({self._dataset.fingerprint})"


def _find_group() -> Group | None:
    return (jax.process_index(), jax.process_count()) if jax.distributed.is_initialized() else None


def _narrow(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.astype(np.int32) if values.dtype == np.int64 else values
