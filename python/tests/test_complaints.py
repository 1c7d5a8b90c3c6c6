"""Faults that users of other loaders report in public, which must not be possible here."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from serving import code_of, serve  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from cifar5m import Augment, open_dataset  # noqa: E402
from cifar5m.torch import IterableDataset, Loader, MapDataset  # noqa: E402

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "drop_last": False, "seed": 3}

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def test_huggingface_datasets_6673_set_epoch_reaches_persistent_workers(dataset: Any) -> None:
    served = IterableDataset(dataset, **FINITE)
    loader = DataLoader(served, batch_size=None, num_workers=2, persistent_workers=True)
    orders = []
    for epoch in (0, 1, 2, 1):
        served.set_epoch(epoch)
        batches = serve(loader)
        assert {batch[0] for batch in batches} == {epoch}
        orders.append([batch[2] for batch in batches])
    assert orders[0] != orders[1] != orders[2] and orders[3] == orders[1]
    # Nobody calls set_epoch: the order is another one all the same.
    again = DataLoader(IterableDataset(dataset, **FINITE), batch_size=None, num_workers=2, persistent_workers=True)
    assert [[batch[2] for batch in serve(again)] for _ in range(3)] == orders[:3]


@pytest.mark.parametrize("num_workers", [0, 1, 2, 4])
def test_epochs_have_their_length_at_any_number_of_workers_and_ranks(dataset: Any, num_workers: int) -> None:
    for rank in (0, 1, 2):
        options = {**FINITE, "rank": rank, "world_size": 3}
        served = IterableDataset(dataset, **options)
        with warnings.catch_warnings():
            # DataLoader warns where more batches come than it was told.
            warnings.simplefilter("error", UserWarning)
            warnings.filterwarnings("ignore", message="This DataLoader will create")
            loader = DataLoader(served, batch_size=None, num_workers=num_workers)
            lengths = [len(serve(loader)) for _ in range(3)]
        assert lengths == [len(loader)] * 3 == [5] * 3
        assert [len(serve(loop)) for loop in [Loader(dataset, **options, num_workers=num_workers)] * 3] == [5] * 3


def test_more_workers_than_batches_lose_and_repeat_none(dataset: Any) -> None:
    options = {**FINITE, "batch_size": 20}
    loader = DataLoader(IterableDataset(dataset, **options), batch_size=None, num_workers=4)
    assert [serve(loader), serve(loader)] == [serve(loop) for loop in [Loader(dataset, **options)] * 2]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_meta_pytorch_data_1437_states_at_the_end_of_an_epoch_drop_none(dataset: Any, num_workers: int) -> None:
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    reference = Loader(dataset, **FINITE)
    epochs = [serve(reference) for _ in range(5)]

    def make() -> Any:
        return stateful(IterableDataset(dataset, **FINITE), batch_size=None, num_workers=num_workers)

    # Two epochs, save, two more, save, one more, as in the report.
    loader = make()
    served = [serve(loader), serve(loader)]
    for number in (2, 1):
        state = loader.state_dict()
        loader = make()
        loader.load_state_dict(state)
        served += [serve(loader) for _ in range(number)]
    assert served == epochs
    # The state says the same after it was loaded.
    state = loader.state_dict()
    loader = make()
    loader.load_state_dict(state)
    assert serve(loader) != [] and loader.state_dict() != state


def test_data_sets_can_be_pickled_before_and_after_use(dataset: Any) -> None:
    for use in (lambda: None, lambda: dataset.read(range(100))):
        use()
        assert len(pickle.dumps(dataset)) < 20_000
        for make in (lambda: IterableDataset(dataset, **FINITE), lambda: MapDataset(dataset)):
            copy = pickle.loads(pickle.dumps(make()))
            assert len(copy) == len(make())
    # Shared by forked workers after this process has read: each read is at a position of its own.
    nothing_held = open_dataset(dataset.location, memory_bytes=0)
    nothing_held.read(range(100))
    loader = DataLoader(MapDataset(nothing_held), batch_size=10, num_workers=2)
    seen = np.concatenate([images.numpy() for images, _ in loader])
    assert (seen.transpose(0, 2, 3, 1) == dataset.read(range(100)).images).all()


@pytest.mark.parametrize("num_workers", [1, 3])
def test_augmentation_does_not_depend_on_workers_or_global_seeds(dataset: Any, num_workers: int) -> None:
    options = {**FINITE, "dtype": "float32", "augment": Augment(flip=True, crop=4, cutout=8, mixup=0.5)}
    expected = Loader(dataset, **options)
    epochs = [serve(expected) for _ in range(2)]
    assert [batch[4] for batch in epochs[0]] != [batch[4] for batch in epochs[1]]
    for seed in (0, 1):
        torch.manual_seed(seed)
        np.random.seed(seed)
        loader = Loader(dataset, **options, num_workers=num_workers)
        assert [serve(loader) for _ in range(2)] == epochs
        served = IterableDataset(dataset, **options)
        assert [serve(DataLoader(served, batch_size=None, num_workers=num_workers)) for _ in range(2)] == epochs


def test_a_finished_loop_says_so(dataset: Any) -> None:
    loader = Loader(dataset, **FINITE, epochs=1)
    serve(loader)
    assert code_of(lambda: serve(loader)) == "loader/finished"
