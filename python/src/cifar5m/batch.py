"""What a loader hands out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

Array = TypeVar("Array")


@dataclass(frozen=True)
class Mixup(Generic[Array]):
    """The other halves of blended images.

    Attributes:
        labels: of the images that were blended in, int64, shape [B].
        weights: of the image's own label, in [0, 1]; that of the other is the rest. float32, shape [B].
    """

    labels: Array
    weights: Array


@dataclass(frozen=True)
class Batch(Generic[Array]):
    """What a model eats: this rank's part of a global batch. `images, labels, ids = batch` unpacks the first three.

    Attributes:
        images: uint8 or float32, shape [B, 32, 32, 3] or [B, 3, 32, 32], as the options say.
        labels: int64, shape [B].
        ids: sample ids, int64, shape [B].
        epoch: of the batch; 0 in the infinite regime.
        step: global batches before this one since the start, over all epochs.
        classes: conditioning class, −1 for none, int64, shape [B]; None unless asked for, like the next two.
        confidences: probability of the stored label, float32, shape [B].
        probabilities: of all classes, float32, shape [B, classes].
        mixup: where `augment.mixup` was asked for.
    """

    images: Array
    labels: Array
    ids: Array
    epoch: int
    step: int
    classes: Array | None = None
    confidences: Array | None = None
    probabilities: Array | None = None
    mixup: Mixup[Array] | None = None

    def __iter__(self) -> Iterator[Array]:
        return iter((self.images, self.labels, self.ids))

    def map(self, convert: Callable[[Array], Any]) -> Batch[Any]:
        """The batch with every array converted."""
        return Batch(**{field.name: _convert(getattr(self, field.name), convert) for field in fields(self)})

    def pin_memory(self, device: Any = None) -> Batch[Array]:
        """The batch in page-locked memory. DataLoader calls this where it was asked for pin_memory; tensors only."""
        return self.map(lambda tensor: tensor.pin_memory())  # type: ignore[attr-defined]

    def to(self, *args: Any, **kwargs: Any) -> Batch[Array]:
        """The batch with `to` called on every tensor: `batch.to("cuda", non_blocking=True)`."""
        return self.map(lambda tensor: tensor.to(*args, **kwargs))  # type: ignore[attr-defined]


def _convert(value: Any, convert: Callable[[Any], Any]) -> Any:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mixup):
        return Mixup(convert(value.labels), convert(value.weights))
    # A transform may give several views of each image.
    if isinstance(value, dict):
        return {key: _convert(item, convert) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_convert(item, convert) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return convert(value)
