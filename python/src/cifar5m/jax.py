"""cifar5m for JAX and Grain.

from cifar5m.jax import Loader

loader = Loader(dataset, regime="infinite", batch_size=128, dtype="float32")
for images, labels, ids in loader:
    ...  # jax.Array float32 [128, 32, 32, 3], jax.Array int32 [128], numpy int64 [128]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, SupportsIndex, TypedDict

import jax
import numpy as np
import numpy.typing as npt

from .batch import Batch, Mixup
from .dataset import Dataset
from .loader import BaseLoader, NumpyBatch, transform_images
from .opening import require_dataset
from .options import LoaderOptions
from .process_group import Group, ProcessGroup
from .require import out_of_range
from .schedule import BatchRange
from .unpack import Unpack


class Loader(BaseLoader[Any]):
    """Batches of jax arrays in the order of a regime. See `cifar5m.loader.BaseLoader` and `LoaderOptions`.

    Labels are int32. Ids stay numpy arrays: JAX would cut them to 32 bits. Rank and world_size are those of
    jax.distributed where it is initialized. `Batch` and `Mixup` are pytrees: a jitted function takes a batch, and cuts
    its ids to 32 bits.

    Args:
        device: a device or sharding for jax.device_put; None for the default device. With a sharding over the devices
            of several processes, which must split the batch among them, arrays are global: first the rows of the
            process whose devices come first in it, then those of the next. Rank r of w brings the samples r, r + w, …
            of the global batch, so the rows are not in its order. Ids are those of this process's samples.

    Raises:
        Cifar5mError: `loader/…`, `options/unknown-key` for options out of range. A loop raises
            `loader/out-of-range` for a sharding that does not split the batch equally among all processes;
            `loader/wrong-group` if jax.distributed was initialized after the loader was made, unless it was given
            rank and world_size.
    """

    def __init__(self, dataset: Dataset, *, device: Any = None, **options: Unpack[LoaderOptions]) -> None:
        self._group = ProcessGroup(options, _find_group, "jax.distributed.initialize")
        super().__init__(require_dataset(dataset), self._group.complete(options), ["device"])
        self._group.warn_of_unequal_parts(self.batch_size)
        self._device = device

    def __iter__(self) -> Iterator[Batch[Any]]:
        self._group.require_unchanged()
        return super().__iter__()

    def _make_batches(self, ranges: Callable[[], Iterable[BatchRange]]) -> Iterator[Batch[Any]]:
        for range in ranges():
            yield transform_images(self._put(self._source[range], range.end - range.start), range, self._options)

    def _put(self, batch: NumpyBatch, batch_size: int) -> Batch[Any]:
        """A batch on the device, or this process's part of a global one."""
        is_global = isinstance(self._device, jax.sharding.Sharding) and not self._device.is_fully_addressable
        if is_global and batch_size % self._options.world_size > 0:
            rule = f"a multiple of {self._options.world_size}, the processes that a sharding splits the batch among"
            action = "Choose one, with drop_last=True if the last batch is smaller."
            raise out_of_range("batch_size", rule, batch_size, action)

        def put(values: npt.NDArray[Any]) -> Any:
            if not is_global:
                return jax.device_put(_narrow(values), self._device)
            array = jax.make_array_from_process_local_data(self._device, _narrow(values))
            if len(array) != batch_size:
                rule = f"a sharding that splits the {batch_size} samples of a batch among all processes"
                action = "Let its first axis be that of the batch, over all devices."
                raise out_of_range("device", rule, self._device, action)
            return array

        mixup = batch.mixup and Mixup(put(batch.mixup.labels), put(batch.mixup.weights))
        extras = {name: getattr(batch, name) for name in ("classes", "confidences", "probabilities")}
        put_extras = {name: None if values is None else put(values) for name, values in extras.items()}
        return Batch(
            put(batch.images), put(batch.labels), batch.ids, batch.epoch, batch.step, mixup=mixup, **put_extras
        )


for _part in (Batch, Mixup):
    # All of it is data: what is static lets a jitted function compile anew where it changes.
    jax.tree_util.register_dataclass(_part, [field.name for field in fields(_part)], [])


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
