"""What is done with a batch of tensors: moved, pinned, compared, and its labels with mixup."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from epochs import FINITE  # noqa: E402
from make_dataset import make_dataset  # noqa: E402
from serving import line_of  # noqa: E402

from cifar5m import Augment, open_dataset  # noqa: E402
from cifar5m.torch import IterableDataset, Loader, MapDataset  # noqa: E402


def test_views_that_a_transform_gives_move_with_the_batch(dataset: Any) -> None:
    class Views(NamedTuple):
        plain: Any
        others: Any

    def make_views(images: Any) -> Views:
        return Views(images, {"list": [-images], "tuple": (2 * images, images)})

    batch = next(iter(Loader(dataset, **FINITE, dtype="float32", transform=make_views)))
    views = batch.to(torch.float64).images
    assert isinstance(views, Views) and isinstance(views.others["list"], list)
    for view, factor in zip([views.plain, *views.others["list"], *views.others["tuple"]], [1, -1, 2, 1], strict=True):
        assert torch.equal(view, factor * batch.images.plain.double())


def test_a_batch_is_indexed_as_it_unpacks_and_by_names(dataset: Any) -> None:
    batch = next(iter(Loader(dataset, **FINITE, columns=["confidence"])))
    images, labels = batch[:2]
    assert images is batch[0] is batch["images"] is batch.images
    assert labels is batch[1] is batch[-2] is batch["labels"] is batch.labels
    assert batch["confidences"] is batch.confidences and batch["mixup"] is None
    with pytest.raises(KeyError, match="a batch has no 'image', it has images, labels, ids, epoch, step, classes"):
        batch["image"]
    with pytest.raises(IndexError):
        batch[3]
    with pytest.raises(TypeError, match=r"has no len\(\)"):
        len(batch)


def test_what_is_no_data_set_is_refused_by_every_loader(folder: Path) -> None:
    for make in (Loader, IterableDataset, MapDataset):
        options: Any = {} if make is MapDataset else FINITE
        line = line_of(lambda make=make, options=options: make(str(folder), **options))
        assert line.startswith(f"loader/out-of-range: dataset must be a cifar5m.Dataset, got '{folder}'. Open it with")


MOVES = [
    (torch.float64,),
    (torch.float64, True),
    (torch.float64, False, True),
    ("cpu", torch.float64),
    (torch.device("cpu"), torch.float64, True),
    (torch.zeros(1, dtype=torch.float64),),
    (torch.zeros(1, dtype=torch.float64), True),
    {"dtype": torch.float64},
    {"device": "cpu", "dtype": torch.float64, "memory_format": torch.channels_last},
    {"tensor": torch.zeros(1, dtype=torch.float64)},
]


@pytest.mark.parametrize("move", MOVES, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_another_dtype_is_for_images_and_floating_tensors(tmp_path: Path, dtype: str, move: Any) -> None:
    # Float32 would round these ids.
    make_dataset(tmp_path, train=20, test=0, ids=10**12 + np.arange(20))
    augment = Augment(mixup=0.5 if dtype == "float32" else None)
    columns = ["class", "confidence", "probabilities"]
    loader = Loader(
        open_dataset(tmp_path), regime="finite", batch_size=20, dtype=dtype, columns=columns, augment=augment
    )
    batch = next(iter(loader))
    moved = batch.to(**move) if isinstance(move, dict) else batch.to(*move)
    assert sorted(moved.ids.tolist()) == list(range(10**12, 10**12 + 20))
    for name in ("labels", "ids", "classes"):
        assert getattr(moved, name).dtype == torch.int64 and torch.equal(getattr(moved, name), getattr(batch, name))
    for name in ("images", "confidences", "probabilities"):
        assert getattr(moved, name).dtype == torch.float64
        assert torch.equal(getattr(moved, name), getattr(batch, name).double())
    if dtype == "float32":
        assert moved.mixup.labels.dtype == torch.int64 and moved.mixup.weights.dtype == torch.float64
    if isinstance(move, dict) and "memory_format" in move:
        assert moved.images.is_contiguous(memory_format=torch.channels_last)


def test_a_device_alone_changes_no_dtype(dataset: Any) -> None:
    batch = next(iter(Loader(dataset, **FINITE)))
    for moved in (batch.to("meta"), batch.to(device="meta"), batch.to(torch.device("meta"), non_blocking=True)):
        assert [values.device.type for values in moved] == ["meta"] * 3
        assert [values.dtype for values in moved] == [torch.uint8, torch.int64, torch.int64]


def test_what_a_transform_gives_beside_tensors_stays(dataset: Any) -> None:
    def describe_images(images: Any) -> dict[str, Any]:
        return {"images": images, "of": "CIFAR", "array": images.numpy(), "side": 32}

    batch = next(iter(Loader(dataset, **FINITE, transform=describe_images)))
    moved = batch.to(torch.float32)
    assert moved.images["images"].dtype == torch.float32
    assert (moved.images["of"], moved.images["side"]) == ("CIFAR", 32)
    assert moved.images["array"] is batch.images["array"]
    # A batch of arrays is not moved: that it stays where it is would be no help.
    with pytest.raises(AttributeError):
        next(iter(dataset.loader(**FINITE))).to("cpu")


def test_batches_are_equal_to_themselves_alone(dataset: Any) -> None:
    batch, other = (next(iter(Loader(dataset, **FINITE))) for _ in range(2))
    assert batch == batch and batch != other and len({batch, other}) == 2


MIXED: dict[str, Any] = {**FINITE, "dtype": "float32", "augment": Augment(mixup=0.3)}


def test_the_loss_of_label_probabilities_is_that_of_both_labels_by_weight(dataset: Any) -> None:
    cross_entropy = torch.nn.functional.cross_entropy
    for batch in Loader(dataset, **MIXED):
        logits = torch.randn(len(batch.labels), 10, generator=torch.Generator().manual_seed(batch.step))
        targets = batch.label_probabilities(10)
        assert (targets.dtype, targets.shape) == (torch.float32, (len(batch.labels), 10))
        own = cross_entropy(logits, batch.labels, reduction="none")
        other = cross_entropy(logits, batch.mixup.labels, reduction="none")
        expected = (batch.mixup.weights * own + (1 - batch.mixup.weights) * other).mean()
        torch.testing.assert_close(cross_entropy(logits, targets), expected)


def test_label_probabilities_without_mixup_are_one_hot(dataset: Any) -> None:
    batch = next(iter(Loader(dataset, **FINITE)))
    expected = torch.nn.functional.one_hot(batch.labels, 10).float()
    assert torch.equal(batch.label_probabilities(np.int64(10)), expected)
    logits = torch.randn(9, 10, generator=torch.Generator().manual_seed(0))
    loss = torch.nn.functional.cross_entropy
    torch.testing.assert_close(loss(logits, batch.label_probabilities(10)), loss(logits, batch.labels))


def test_label_probabilities_are_those_of_numpy_and_refuse_what_is_no_class(dataset: Any) -> None:
    batch, arrays = next(iter(Loader(dataset, **MIXED))), next(iter(dataset.loader(**MIXED)))
    probabilities = arrays.label_probabilities(10)
    assert probabilities.dtype == np.float32
    assert (batch.label_probabilities(10).numpy() == probabilities).all()
    highest = int(max(batch.labels.max(), batch.mixup.labels.max()))
    for each in (batch, arrays):
        line = line_of(lambda each=each: each.label_probabilities(highest))
        assert line.startswith(
            f"loader/out-of-range: num_classes must be more than every label, and a label is {highest}"
        )
