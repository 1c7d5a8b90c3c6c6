"""The numpy loader: epochs, ends, states and options."""

from __future__ import annotations

import json
import math
import random
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import code_of, line_of, serve

from cifar5m import Augment, Blocked, Cifar5mError, Dataset, LabelNoise, open_dataset

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "drop_last": False, "seed": 3}


def test_every_loop_is_the_next_epoch_of_the_same_samples(dataset: Dataset) -> None:
    loader = dataset.loader(**FINITE)
    epochs = [serve(loader) for _ in range(3)]
    ids = [[id for batch in epoch for id in batch[2]] for epoch in epochs]
    assert len({tuple(epoch) for epoch in ids}) == 3
    assert len({tuple(sorted(epoch)) for epoch in ids}) == 1
    loader.set_epoch(1)
    assert serve(loader) == epochs[1]
    assert serve(dataset.loader(**FINITE, epochs=3)) == [batch for epoch in epochs for batch in epoch]


def test_the_length_is_that_of_a_loop(dataset: Dataset) -> None:
    assert len(dataset.loader(**FINITE)) == 5
    assert len(dataset.loader(**FINITE, epochs=3)) == 15
    assert len(dataset.loader(regime="infinite", batch_size=9)) == 11
    endless = dataset.loader(**FINITE, epochs=math.inf)
    with pytest.raises(TypeError, match=r"a loader with epochs=math\.inf has no length; batches_per_epoch is that of"):
        len(endless)
    assert [batch[0] for batch in serve(endless, 11)] == [0] * 5 + [1] * 5 + [2]


def test_set_epoch_is_refused_where_a_loop_is_several_epochs(dataset: Dataset) -> None:
    loader = dataset.loader(**FINITE, epochs=3)
    line = line_of(lambda: loader.set_epoch(1))
    assert line.startswith("loader/out-of-range: epochs must be left out where set_epoch chooses the epoch of a loop, ")
    assert [batch[0] for batch in serve(loader)] == [0] * 5 + [1] * 5 + [2] * 5


def test_set_epoch_keeps_a_position_that_was_loaded(dataset: Dataset) -> None:
    loader = dataset.loader(**FINITE)
    epochs = [serve(loader) for _ in range(3)]
    state = {**loader.state_dict(), "epoch": 1, "position": 18}
    resumed = dataset.loader(**FINITE)
    resumed.load_state_dict(state)
    resumed.set_epoch(1)
    assert serve(resumed) == epochs[1][2:]
    resumed.set_epoch(2)
    assert serve(resumed) == epochs[2]


def test_the_infinite_regime_serves_each_image_once(dataset: Dataset) -> None:
    loader = dataset.loader(regime="infinite", batch_size=9)
    batches = serve(loader, 11)
    assert len({id for batch in batches for id in batch[2]}) == 99
    assert code_of(lambda: serve(loader)) == "regime/exhausted"
    state = loader.state_dict()
    resumed = dataset.loader(regime="infinite", batch_size=9)
    resumed.load_state_dict(state)
    assert code_of(lambda: serve(resumed)) == "regime/exhausted"
    # A smaller batch is left.
    smaller = dataset.loader(regime="infinite", batch_size=1)
    smaller.load_state_dict(state)
    assert len(serve(smaller, 1)) == 1


def test_states_are_exact_for_any_ranks_and_batch_size(dataset: Dataset) -> None:
    epochs = [[id for batch in serve(loop) for id in batch[2]] for loop in [dataset.loader(**FINITE)] * 2]
    loader = dataset.loader(**FINITE)
    taken = 0
    for batch in loader:
        taken += len(batch.ids)
        state = json.loads(json.dumps(loader.state_dict()))
        others = [dataset.loader(**{**FINITE, "batch_size": 4, "rank": rank, "world_size": 2}) for rank in (0, 1)]
        for other in others:
            other.load_state_dict(state)
            assert other.state_dict() == state
        served = [[batch[2] for batch in serve(other)] for other in others]
        # Of each global batch, rank 0 has the first sample, rank 1 the second, and so on.
        merged = [
            [id for pair in zip_longest(*parts) for id in pair if id is not None] for parts in zip(*served, strict=True)
        ]
        assert [len(ids) for ids in merged[:-1]] == [4] * (len(merged) - 1)
        left = epochs[0][taken:] or epochs[1]
        assert [id for ids in merged for id in ids] == left


def test_a_state_in_an_epoch_without_a_whole_batch_left_goes_on_in_the_next(dataset: Dataset) -> None:
    loader = dataset.loader(**FINITE)
    serve(loader, 4)
    state = loader.state_dict()
    assert state["position"] == 36
    larger = dataset.loader(**{**FINITE, "batch_size": 8, "drop_last": True})
    larger.load_state_dict(state)
    assert larger.state_dict() == {**state, "epoch": 1, "position": 0}
    whole = dataset.loader(**{**FINITE, "batch_size": 8, "drop_last": True})
    assert serve(larger) == [serve(whole) for _ in range(2)][1]


@pytest.mark.parametrize("memory_bytes", [0, 40 * 3072, 2**28])
def test_memory_changes_nothing(folder: Path, memory_bytes: int) -> None:
    options = {**FINITE, "dtype": "float32", "augment": Augment(flip=True, crop=True, mixup=1.0)}
    loaders = [open_dataset(folder, memory_bytes=number).loader(**options) for number in (memory_bytes, 2**28)]
    for _ in range(2):
        assert serve(loaders[0]) == serve(loaders[1])


def test_a_batch_unpacks_and_tells_more(dataset: Dataset) -> None:
    loader = dataset.loader(
        **FINITE, dtype="float32", normalize=True, augment=Augment(mixup=0.2), transform=np.negative
    )
    images, labels, ids = batch = next(iter(loader))
    assert (images.dtype, images.shape) == (np.float32, (9, 32, 32, 3))
    assert batch.mixup is not None and batch.mixup.weights.dtype == np.float32
    assert batch.classes is None and (batch.epoch, batch.step) == (0, 0)
    plain = next(iter(dataset.loader(**FINITE, dtype="float32", normalize=True, augment=Augment(mixup=0.2))))
    assert (images == -plain.images).all() and len(labels) == len(ids) == 9


def test_numpy_numbers_are_options_and_states_stay_json(dataset: Dataset) -> None:
    options: dict[str, Any] = {
        "regime": "finite",
        "num_samples": np.int64(40),
        "batch_size": np.uint8(9),
        "seed": np.int32(3),
        "epochs": np.int64(2),
        "drop_last": np.bool_(False),
        "label_noise": np.float32(0.5),
        "normalize": (np.ones(3), np.ones(3)),
        "dtype": "float32",
        "rank": np.int64(0),
        "world_size": np.int64(1),
    }
    loader = dataset.loader(**options)
    assert [batch[2] for batch in serve(loader)] == [batch[2] for batch in serve(dataset.loader(**FINITE, epochs=2))]
    assert json.loads(json.dumps(loader.state_dict())) == loader.state_dict()


@pytest.mark.parametrize("crop", [True, False])
def test_bools_of_numpy_are_those_of_python(dataset: Dataset, crop: bool) -> None:
    served = [
        serve(
            dataset.loader(
                **FINITE, dtype="float32", normalize=kind(crop), augment=Augment(kind(True), crop=kind(crop))
            )
        )
        for kind in (bool, np.bool_)
    ]
    assert served[0] == served[1]


def test_none_is_the_default_where_the_types_allow_it(dataset: Dataset) -> None:
    names = ["epochs", "rank", "world_size", "normalize", "augment", "label_noise", "columns", "transform"]
    assert serve(dataset.loader(**FINITE, **dict.fromkeys(names))) == serve(dataset.loader(**FINITE))
    # One rank needs no number.
    assert serve(dataset.loader(**FINITE, world_size=1)) == serve(dataset.loader(**FINITE))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"num_samples": 101}, "loader/out-of-range: num_samples must be an integer in [1, 100], got 101. Build more"),
        (
            {"batch_size": 51, "num_samples": 50, "drop_last": True},
            "loader/out-of-range: batch_size must be at most num_",
        ),
        ({"batch_size": 0}, "loader/out-of-range: batch_size must be an integer in [1, 2147483648], got 0."),
        ({"batch_size": True}, "loader/out-of-range: batch_size must be an integer"),
        ({"seed": 1.5}, "loader/out-of-range: seed must be an integer"),
        ({"seed": 2**53}, "loader/out-of-range: seed must be an integer"),
        ({"epochs": 0}, "loader/out-of-range: epochs must be an integer"),
        ({"epochs": -math.inf}, "loader/out-of-range: epochs must be an integer"),
        ({"world_size": 2}, "loader/out-of-range: rank and world_size must be given together, got world_size alone."),
        ({"rank": 0}, "loader/out-of-range: rank and world_size must be given together, got rank alone."),
        ({"rank": 1, "world_size": None}, "loader/out-of-range: rank and world_size must be given together, got rank"),
        ({"rank": 2, "world_size": 2}, "loader/out-of-range: rank must be an integer in [0, 1], got 2."),
        (
            {"batch_size": 7, "rank": 0, "world_size": 8},
            "loader/out-of-range: batch_size must be at least world_size (8), got 7. It is the global batch.",
        ),
        ({"shuffle": "some"}, "loader/out-of-range: shuffle must be one of True, False, full, blocked, got 'some'."),
        ({"shuffle": None}, "loader/out-of-range: shuffle must be one of True, False, full, blocked, got None."),
        ({"drop_last": None}, "loader/out-of-range: drop_last must be one of True, False, got None."),
        ({"seed": None}, "loader/out-of-range: seed must be an integer in [0, 9007199254740991], got None."),
        ({"batch_size": None}, "loader/out-of-range: batch_size must be an integer"),
        ({"dtype": None}, "loader/out-of-range: dtype must be one of uint8, float32, got None."),
        ({"label_noise": np.True_}, "loader/out-of-range: label_noise must be a number in [0, 1], got "),
        ({"shuffle": 0}, "loader/out-of-range: shuffle must be"),
        ({"shuffle": Blocked(0, 1)}, "loader/out-of-range: block_rows must be an integer in [1, 2147483648], got 0."),
        ({"label_noise": 1.1}, "loader/out-of-range: label_noise must be a number in [0, 1], got 1.1."),
        ({"label_noise": LabelNoise(0.5, -1)}, "loader/out-of-range: label_noise's seed must be an integer"),
        ({"regime": "endless"}, "loader/unknown-regime: regime must be finite or infinite, got 'endless'."),
        (
            {"regime": "infinite", "num_samples": 40},
            "loader/out-of-range: num_samples must be left out in the infinite",
        ),
        (
            {"regime": "infinite", "num_samples": None, "drop_last": False},
            "loader/out-of-range: drop_last must be True",
        ),
        ({"dtype": "float64"}, "loader/out-of-range: dtype must be one of uint8, float32, got 'float64'."),
        ({"layout": "CHWN"}, "loader/out-of-range: layout must be one of NHWC, NCHW, got 'CHWN'."),
        ({"normalize": True}, "loader/out-of-range: normalize must be False where dtype is uint8"),
        ({"dtype": "float32", "normalize": (1, 2)}, "loader/out-of-range: normalize must be a bool or (mean, std)"),
        ({"dtype": "float32", "normalize": ((0,) * 3, (0,) * 3)}, "loader/out-of-range: normalize's std must be"),
        ({"augment": {"flip": True}}, "loader/out-of-range: augment must be a cifar5m.Augment"),
        ({"augment": Augment(crop=32)}, "loader/out-of-range: augment.crop must be an integer in [0, 31], got 32."),
        ({"augment": Augment(mixup=1.0)}, "loader/out-of-range: dtype must be float32 for augment.mixup, got 'uint8'."),
        ({"columns": "class"}, "loader/out-of-range: columns must be a list of names"),
        ({"columns": 3}, "loader/out-of-range: columns must be a list of names, got 3. Pass ["),
        (
            {"suffle": True},
            "options/unknown-key: suffle is not an option of a loader. Did you mean shuffle? Use one of: reg",
        ),
        (
            {"numSamples": 3},
            "options/unknown-key: numSamples is not an option of a loader. Did you mean num_samples? Use",
        ),
        ({"colour": 3}, "options/unknown-key: colour is not an option of a loader. Use one of: regime, batch_size"),
        (
            {"state": {}},
            "options/unknown-key: state is not an option of a loader. Pass a state to load_state_dict. Use one",
        ),
        (
            {"live": {}},
            "options/unknown-key: live is not an option of a loader. Only the TypeScript loader takes a live so",
        ),
        ({"columns": ["weight"]}, "loader/out-of-range: columns must be one of class, confidence, probabilities"),
        ({"transform": 3}, "loader/out-of-range: transform must be callable"),
        ({"batchsize": 3}, "options/unknown-key: batchsize is not an option of a loader."),
        ({"num_workers": 2}, "options/unknown-key: num_workers is an option of cifar5m.torch.Loader, or of your Data"),
    ],
)
def test_options_out_of_range_are_refused(dataset: Dataset, options: dict[str, Any], line: str) -> None:
    with pytest.raises(Cifar5mError) as caught:
        dataset.loader(**{**FINITE, **options})
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"seed": 4}, "loader-state/mismatch"),
        ({"dataset": "train-0"}, "loader-state/mismatch"),
        ({"numSamples": 40.0}, "loader-state/mismatch"),
        ({"version": 1}, "loader-state/version-unsupported"),
        ({"position": 40}, "loader-state/invalid"),
        ({"position": 1.5}, "loader-state/invalid"),
        ({"epoch": -1}, "loader-state/invalid"),
        ({"more": 1}, "loader-state/invalid"),
    ],
)
def test_states_of_others_are_refused(dataset: Dataset, change: dict[str, Any], code: str) -> None:
    loader = dataset.loader(**FINITE)
    assert code_of(lambda: loader.load_state_dict({**loader.state_dict(), **change})) == code
    assert code_of(lambda: loader.load_state_dict("state")) == "loader-state/invalid"  # type: ignore[arg-type]


def test_an_evaluation_in_file_order_sees_every_image(dataset: Dataset) -> None:
    test = dataset.splits["test"]
    batches = serve(test.loader(regime="finite", shuffle=False, batch_size=8))
    assert [id for batch in batches for id in batch[2]] == test.read(range(20)).ids.tolist()
    assert [len(batch[2]) for batch in batches] == [8, 8, 4]
    dropped = serve(test.loader(regime="finite", shuffle=False, batch_size=8, drop_last=True))
    assert dropped == batches[:2]
    # A whole split that is smaller than a batch.
    assert len(serve(test.loader(regime="finite", shuffle=False, batch_size=100))) == 1
    assert len(serve(test.loader(regime="finite", batch_size=8))) == 2


def test_random_transforms_are_seeded_by_the_batch_and_resume(dataset: Any) -> None:
    def jitter(images: Any) -> Any:
        return images ^ np.uint8(np.random.randint(256)) ^ np.uint8(random.randrange(256))

    def make() -> Any:
        return dataset.loader(**FINITE, transform=jitter)

    random.seed(1)
    np.random.seed(1)
    expected = serve(make())
    before = random.getstate(), np.random.get_state()[1].tolist()
    loader = make()
    assert serve(loader, 2) == expected[:2]
    resumed = make()
    resumed.load_state_dict(loader.state_dict())
    assert serve(resumed) == expected[2:]
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    assert len({described[-1] for described in expected}) == len(expected)
