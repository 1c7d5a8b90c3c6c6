"""PyTorch: real worker processes, forked and spawned, and a real group of two ranks."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from epochs import AUGMENTED, FINITE, expected_epochs, left_of_epoch  # noqa: E402
from make_dataset import make_dataset  # noqa: E402
from serving import code_of, describe, line_of, serve  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from cifar5m import open_dataset  # noqa: E402
from cifar5m.torch import IterableDataset, Loader, MapDataset  # noqa: E402

# Of machines with few cores; speed is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def test_batches_are_tensors_in_nchw(dataset: Any) -> None:
    batch = next(iter(Loader(dataset, **FINITE, columns=["confidence", "probabilities", "class"])))
    images, labels, ids = batch
    assert (images.dtype, images.shape) == (torch.uint8, (9, 3, 32, 32))
    assert (labels.dtype, ids.dtype) == (torch.int64, torch.int64)
    assert batch.confidences.dtype == torch.float32 and batch.classes.dtype == torch.int64
    assert batch.probabilities.shape == (9, 10)
    row = dataset.read_column("probabilities", [dataset.read(range(100)).ids.tolist().index(int(ids[0]))])
    assert (batch.probabilities[0].numpy() == row[0]).all()


@pytest.mark.parametrize("num_workers", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("options", [FINITE, AUGMENTED], ids=["stored", "augmented"])
def test_loader_serves_each_epoch_at_any_number_of_workers(dataset: Any, options: Any, num_workers: int) -> None:
    loader = Loader(dataset, **options, num_workers=num_workers)
    assert len(loader) == 5
    assert (loader.dataset, loader.batch_size, loader.num_workers) == (dataset, 9, num_workers)
    assert [serve(loader) for _ in range(3)] == expected_epochs(dataset, options, 3)


def test_spawned_workers_serve_the_same(dataset: Any) -> None:
    # Rows were read in this process: what is held of them must not travel.
    dataset.read(range(100))
    loader = Loader(dataset, **FINITE, num_workers=2, multiprocessing_context="spawn")
    assert [serve(loader) for _ in range(2)] == expected_epochs(dataset, FINITE, 2)
    served = IterableDataset(dataset, **FINITE)
    batches = DataLoader(
        served, batch_size=None, num_workers=2, multiprocessing_context="spawn", persistent_workers=True
    )
    assert [serve(batches) for _ in range(2)] == expected_epochs(dataset, FINITE, 2)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_loader_states_are_exact_at_every_batch(dataset: Any, num_workers: int) -> None:
    whole = [batch for epoch in expected_epochs(dataset, FINITE, 3) for batch in epoch]
    loader = Loader(dataset, **FINITE, num_workers=num_workers)
    states, served = [loader.state_dict()], []
    for _ in range(3):
        for batch in loader:
            served.append(describe(batch))
            states.append(loader.state_dict())
    assert served == whole
    for taken, state in enumerate(states[:-1]):
        resumed = Loader(dataset, **FINITE)
        resumed.load_state_dict(json.loads(json.dumps(state)))
        assert serve(resumed) == whole[taken : taken + left_of_epoch(taken)]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loop_left_early_is_over_and_the_next_is_the_next_epoch(dataset: Any, num_workers: int) -> None:
    loader = Loader(dataset, **FINITE, num_workers=num_workers)
    epochs = expected_epochs(dataset, FINITE, 3)
    assert serve(loader, 2) == epochs[0][:2]
    assert loader.state_dict()["position"] == 18
    assert serve(loader) == epochs[1]
    assert serve(loader, 1) == epochs[2][:1]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_infinite_regime_goes_on_and_says_when_it_is_spent(dataset: Any, num_workers: int) -> None:
    options: dict[str, Any] = {"regime": "infinite", "batch_size": 9, "seed": 1}
    loader = Loader(dataset, **options, num_workers=num_workers)
    first = serve(loader, 4)
    rest: list[Any] = []
    line = line_of(lambda: rest.extend(map(describe, loader)))
    assert line.startswith("regime/exhausted: the infinite regime was asked for images 100 to 108 of 100")
    assert [batch[1] for batch in first + rest] == list(range(11))
    assert len({id for batch in first + rest for id in batch[2]}) == 99
    assert code_of(lambda: serve(loader)) == "regime/exhausted"


@pytest.mark.parametrize("kind", ["torch", "numpy", "python"])
def test_random_transforms_do_not_depend_on_workers_or_resume(dataset: Any, kind: str) -> None:
    transform = {"torch": add_noise, "numpy": add_noise_of_numpy, "python": add_noise_of_python}[kind]
    options = {**FINITE, "dtype": "float32", "transform": transform}
    before, numpy_before, python_before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    alone = [serve(loader) for loader in [Loader(dataset, **options)] for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == python_before and (np.random.get_state()[1] == numpy_before[1]).all()
    workers = Loader(dataset, **options, num_workers=2)
    assert [serve(workers) for _ in range(2)] == alone
    assert alone[0] != expected_epochs(dataset, {**FINITE, "dtype": "float32"}, 1)[0]
    loader = Loader(dataset, **options)
    serve(loader, 2)
    resumed = Loader(dataset, **options)
    resumed.load_state_dict(loader.state_dict())
    assert serve(resumed) == alone[0][2:]


def test_workers_draw_nothing_from_the_generator_of_the_training(dataset: Any) -> None:
    numbers = []
    for num_workers in (0, 1):
        torch.manual_seed(0)
        serve(Loader(dataset, **FINITE, num_workers=num_workers))
        numbers.append(torch.rand(1).item())
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"prefetch_factor": 0}, "loader/out-of-range: prefetch_factor must be an integer in [1, 2147483648], got 0."),
        ({"prefetch_factor": None}, "loader/out-of-range: prefetch_factor must be an integer"),
        ({"multiprocessing_context": "thread"}, "loader/out-of-range: multiprocessing_context must be one of None, "),
        (
            {"sampler": None},
            "options/unknown-key: sampler is not an option of a loader. The order follows from regime, seed",
        ),
        (
            {"generator": None},
            "options/unknown-key: generator is not an option of a loader. The order follows from seed. ",
        ),
        (
            {"timeout": 3},
            "options/unknown-key: timeout is not an option of a loader. RemoteOptions(timeout_s=…) limits",
        ),
        (
            {"worker_init_fn": print},
            "options/unknown-key: worker_init_fn is not an option of a loader. Workers need no",
        ),
        (
            {"persistent_workers": True},
            "options/unknown-key: persistent_workers is not an option of a loader. Workers alw",
        ),
        (
            {"num_worker": 2},
            "options/unknown-key: num_worker is not an option of a loader. Did you mean num_workers? Use ",
        ),
    ],
)
def test_options_of_workers_are_checked_with_and_without_workers(
    dataset: Any, num_workers: int, options: Any, line: str
) -> None:
    seen = line_of(lambda: Loader(dataset, **FINITE, **options, num_workers=num_workers))
    assert seen.startswith(line)
    if "num_worker" in options:
        assert seen.endswith("num_workers, pin_memory, prefetch_factor, multiprocessing_context.")


def test_a_start_method_may_be_a_context(dataset: Any) -> None:
    context = multiprocessing.get_context("spawn")
    Loader(dataset, **FINITE, num_workers=1, prefetch_factor=np.int64(2), multiprocessing_context=context)


def add_noise(images: Any) -> Any:
    return images + torch.rand_like(images)


def add_noise_of_numpy(images: Any) -> Any:
    return images + np.random.rand()


def add_noise_of_python(images: Any) -> Any:
    return images + random.random()


def test_a_transform_gets_the_whole_batch_and_that_of_a_map_dataset_one_image(dataset: Any) -> None:
    shapes: list[Any] = []

    def note(images: Any) -> Any:
        shapes.append(tuple(images.shape))
        return images

    next(iter(Loader(dataset, **FINITE, transform=note)))
    MapDataset(dataset, transform=note).__getitems__([3, 4])
    assert shapes == [(9, 3, 32, 32), (3, 32, 32), (3, 32, 32)]


def test_random_transforms_leave_the_generators_of_gpus_alone(dataset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    serve(Loader(dataset, **FINITE, dtype="float32", transform=add_noise))
    assert seeds == []


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_overtaken_loop_takes_no_batch_from_the_newer_one(dataset: Any, num_workers: int) -> None:
    loader = Loader(dataset, **FINITE, num_workers=num_workers)
    epochs = expected_epochs(dataset, FINITE, 2)
    first = iter(loader)
    next(first)
    second = iter(loader)
    served = [describe(next(second))]
    assert code_of(lambda: next(first)) == "loader/overtaken"
    assert served + serve(second) == epochs[1]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_iterator_that_is_not_used_and_loops_that_take_turns_lose_no_batch(dataset: Any, num_workers: int) -> None:
    epochs = expected_epochs(dataset, FINITE, 2)
    loader = Loader(dataset, **FINITE, num_workers=num_workers)
    assert serve(loader, 3) == epochs[0][:3]
    resumed = Loader(dataset, **FINITE, num_workers=num_workers)
    resumed.load_state_dict(loader.state_dict())
    iter(resumed)
    assert serve(resumed) == epochs[0][3:]
    loader = Loader(dataset, **FINITE, epochs=2, num_workers=num_workers)
    loops = [iter(loader), iter(loader)]
    assert [describe(next(loops[turn % 3 == 2])) for turn in range(10)] == epochs[0] + epochs[1]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_loop_that_a_script_leaves_open_ends_in_silence(folder: Path, num_workers: int) -> None:
    script = (
        "import cifar5m, cifar5m.torch\n"
        f"dataset = cifar5m.open_dataset({str(folder)!r})\n"
        "loader = cifar5m.torch.Loader(dataset, regime='finite', batch_size=9, "
        f"num_workers={num_workers})\n"
        "batches = iter(loader)\n"
        "next(batches)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true")
@pytest.mark.parametrize("num_workers", [0, 1])
def test_memory_is_pinned_only_where_there_is_an_accelerator(dataset: Any, num_workers: int) -> None:
    loader = Loader(dataset, **FINITE, num_workers=num_workers, pin_memory=True)
    images = next(iter(loader)).images
    assert images.is_pinned() == torch.cuda.is_available()


def test_map_dataset_serves_samples_to_any_sampler(dataset: Any) -> None:
    samples = MapDataset(dataset, dtype="float32", transform=torch.neg)
    image, label = samples[np.int64(7)]
    stored = dataset[7]
    assert label == stored.label and isinstance(label, int)
    torch.testing.assert_close(image, -torch.from_numpy(stored.image).permute(2, 0, 1).float() / 255)
    assert samples.targets == dataset.read_column("label").tolist() and isinstance(samples.targets[0], int)
    seen = [labels for _, labels in DataLoader(samples, batch_size=30, num_workers=2)]
    assert torch.cat(seen).tolist() == dataset.read(range(100)).labels.tolist()
    with pytest.raises(IndexError):
        samples[100]


def test_errors_of_workers_keep_their_code(tmp_path: Path) -> None:
    broken = make_dataset(tmp_path)
    path = broken / "train/part-00001.arrow"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    loader = Loader(open_dataset(broken), regime="infinite", batch_size=50, num_workers=1)
    line = line_of(lambda: serve(loader))
    assert line.startswith("shard/hash-mismatch: ") and "\n" not in line


@pytest.mark.skipif(not hasattr(os, "kill"), reason="this system sends no signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_loop_after_one_whose_workers_ended_starts_new_ones(dataset: Any, number: int) -> None:
    # Jupyter's interrupt, and Ctrl-C in a terminal, reach the workers too.
    loader = Loader(dataset, **FINITE, num_workers=2)
    epochs = expected_epochs(dataset, FINITE, 3)
    assert serve(loader) == epochs[0]
    loop = iter(loader)
    served = [describe(next(loop))]
    state = loader.state_dict()
    # torch raises an error wherever this process is when a worker is killed.
    with contextlib.suppress(RuntimeError, OSError):
        for process in multiprocessing.active_children():
            os.kill(process.pid or 0, number)
            process.join(60)
        served += map(describe, loop)
    assert served == epochs[1][: len(served)]
    loader.load_state_dict(state)
    assert serve(loader) == epochs[1][1:]
    assert serve(loader) == epochs[2]
