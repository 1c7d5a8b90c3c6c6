"""What a loader hands out."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, SupportsIndex, TypeVar

import numpy as np

from .errors import Cifar5mError

Array = TypeVar("Array")


# No ==: that of arrays is an array.
@dataclass(frozen=True, eq=False)
class Mixup(Generic[Array]):
    """The other halves of blended images.

    Attributes:
        labels: of the images that were blended in, int64, shape [B].
        weights: of the image's own label, in [0, 1]; that of the other is the rest. float32, shape [B].
    """

    labels: Array
    weights: Array


@dataclass(frozen=True, eq=False)
class Batch(Generic[Array]):
    """What a model eats: this rank's part of a global batch. `images, labels, ids = batch` unpacks the first three.

    `batch[0]` and `images, labels = batch[:2]` count in these three too, and `batch["images"]` is `batch.images`. A
    batch has no `len`, which could mean the three or the images: `len(batch.ids)` counts the images.

    Attributes:
        images: uint8 or float32, shape [B, 32, 32, 3] or [B, 3, 32, 32], as the options say.
        labels: int64, shape [B].
        ids: sample ids, int64, shape [B].
        epoch: of the batch; 0 in the infinite regime.
        step: global batches before this one since the start, over all epochs.
        classes: conditioning class, −1 for none, int64, shape [B]; None unless asked for, like the next two.
        confidences: probability of the stored label, float32, shape [B].
        probabilities: of all classes, float32, shape [B, classes].
        mixup: where `augment.mixup` was asked for; `label_probabilities` are the labels with it.
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

    def __getitem__(self, key: SupportsIndex | slice | str) -> Any:
        """An array by its name; one of the images, labels and ids by 0, 1 or 2; some of them by a slice.

        Raises:
            KeyError: for another name; IndexError for another number.
        """
        if not isinstance(key, str):
            return (self.images, self.labels, self.ids)[key]
        names = [field.name for field in fields(self)]
        if key not in names:
            raise KeyError(f"a batch has no {key!r}, it has {', '.join(names)}")
        return getattr(self, key)

    def label_probabilities(self, num_classes: SupportsIndex) -> Array:
        """The labels as probabilities, one-hot, or mixed as mixup mixed the images: what a loss must compare with.

        Call it before the batch moves to a GPU: it looks at every label.

        Args:
            num_classes: C, `len(dataset.class_names)`.

        Returns:
            float32, shape [B, C], an array of the kind that labels are, where they are.

        Raises:
            Cifar5mError: `loader/out-of-range` for a label that is not a class.
        """
        own: Array = _one_hot(self.labels, num_classes)
        if self.mixup is None:
            return own
        weights: Any = self.mixup.weights
        mixed: Array = weights[:, None] * own + (1 - weights)[:, None] * _one_hot(self.mixup.labels, num_classes)
        return mixed

    def map(self, convert: Callable[[Array], Any]) -> Batch[Any]:
        """The batch with every array converted."""
        return Batch(**{field.name: _convert(getattr(self, field.name), convert) for field in fields(self)})

    def pin_memory(self, device: Any = None) -> Batch[Array]:
        """The batch in page-locked memory. DataLoader calls this where it was asked for pin_memory; tensors only.

        What a transform gave in place of images stays where it is not a tensor.
        """
        return self._move("pin_memory", lambda tensor: tensor.pin_memory())

    def to(self, *args: Any, **kwargs: Any) -> Batch[Array]:
        """The batch with `to` called on every tensor: `batch.to("cuda", non_blocking=True)`.

        A dtype is for images and for floating tensors: ids, labels and classes stay int64. A memory_format is for
        images alone. What a transform gave in place of images stays where it is not a tensor.
        """
        others = {key: value for key, value in kwargs.items() if key != "memory_format"}
        integer_args, integer_others = _without_dtype(args, others)

        def move(tensor: Any) -> Any:
            if tensor.is_floating_point():
                return tensor.to(*args, **others)
            return tensor.to(*integer_args, **integer_others)

        return self._move("to", lambda tensor: tensor.to(*args, **kwargs), move)

    def _move(
        self, method: str, move_images: Callable[[Any], Any], move: Callable[[Any], Any] | None = None
    ) -> Batch[Any]:
        images = _convert(self.images, lambda value: move_images(value) if hasattr(value, method) else value)
        rest: Batch[Any] = replace(self, images=None)  # type: ignore[arg-type]
        return replace(rest.map(move or move_images), images=images)


def _one_hot(labels: Any, num_classes: SupportsIndex) -> Any:
    """float32, shape [B, C], of numpy, PyTorch or JAX."""
    count = operator.index(num_classes)
    if bool((labels >= count).any()):
        raise Cifar5mError(
            "loader/out-of-range",
            f"num_classes must be more than every label, and a label is {int(labels.max())}; got {count}. "
            "Pass the number of the set's classes.",
        )
    is_tensor = hasattr(labels, "new_tensor")
    is_class = labels[:, None] == (labels.new_tensor(range(count)) if is_tensor else np.arange(count))
    return is_class.float() if is_tensor else is_class.astype(np.float32)


def _without_dtype(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of Tensor.to that change no dtype: of `to(dtype, …)`, `to(device, dtype, …)` and `to(tensor, …)`."""
    import torch

    kept = {key: value for key, value in kwargs.items() if key != "dtype"}
    if "tensor" in kept:
        kept["device"] = kept.pop("tensor").device
    if args and isinstance(args[0], torch.dtype):
        return (None, None, *args[1:]), kept
    if args and isinstance(args[0], torch.Tensor):
        return (args[0].device, None, *args[1:]), kept
    return tuple(None if isinstance(value, torch.dtype) else value for value in args), kept


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
