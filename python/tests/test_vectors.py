"""docs/order.md: all vectors of the specification hold. The TypeScript loader made them."""

from __future__ import annotations

import hashlib
import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from from_typescript import to_python
from make_dataset import make_dataset

from cifar5m import Cifar5mError, open_dataset
from cifar5m.label_noise import add_label_noise
from cifar5m.permutation import Permutation
from cifar5m.philox import key_of, philox4x32, random_words
from cifar5m.sample_draws import SampleDraws
from cifar5m.sample_order import SampleOrder
from cifar5m.shuffle import Blocked, make_shuffle

DOCS = Path(__file__).parents[2] / "docs"
if not (DOCS / "order-vectors.json").is_file():
    pytest.skip("docs/ of the repository, with the vectors, is not here", allow_module_level=True)
GROWTH = json.loads((DOCS / "growth-vectors.json").read_text())
LOOPS = json.loads((DOCS / "loop-vectors.json").read_text())
ORDER = json.loads((DOCS / "order-vectors.json").read_text())
AUGMENTATION = json.loads((DOCS / "augmentation-vectors.json").read_text())
LISTED_VALUES = [0, 777, 1554, 2331, 3071]


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """23 rows in shards of 7, in which every id is its row."""
    return make_dataset(tmp_path_factory.mktemp("pool"), train=23, test=5, rows_per_shard=7, ids=np.arange(28))


@pytest.mark.parametrize("vector", ORDER["philox"])
def test_philox(vector: Any) -> None:
    assert philox4x32(vector["counter"], vector["key"]).tolist() == vector["words"]


@pytest.mark.parametrize("vector", ORDER["words"])
def test_words(vector: Any) -> None:
    words = random_words(key_of(vector["seed"]), vector["stream"], [vector["id"]], len(vector["words"]))
    assert words[0].tolist() == vector["words"]


@pytest.mark.parametrize("vector", ORDER["permutations"])
def test_permutations(vector: Any) -> None:
    permutation = Permutation(vector["size"], vector["seed"], vector["stream"], vector["id"])
    assert (permutation.num_left, permutation.num_right) == (vector["numLeft"], vector["numRight"])
    assert permutation.keys.tolist() == vector["keys"]
    assert permutation(np.array(vector["positions"])).tolist() == vector["entries"]


@pytest.mark.parametrize("vector", ORDER["shuffles"])
def test_shuffles(vector: Any) -> None:
    kind = vector["shuffle"]
    shuffle = Blocked(kind["blockRows"], kind["windowBlocks"]) if kind["kind"] == "blocked" else kind["kind"]
    order = make_shuffle(shuffle, vector["size"], vector["seed"], vector["id"])
    assert order(np.array(vector["positions"])).tolist() == vector["rows"]


@pytest.mark.parametrize("vector", GROWTH)
def test_orders_of_sets_that_have_grown(vector: Any) -> None:
    kind = vector["shuffle"]
    shuffle = Blocked(kind["blockRows"], kind["windowBlocks"]) if kind["kind"] == "blocked" else kind["kind"]
    num_samples = vector["numSamples"]
    order = SampleOrder(
        vector["regime"], vector["poolSize"], num_samples, vector["seed"], shuffle, vector["earlierRows"]
    )
    for epoch, rows in enumerate(vector["rows"]):
        assert order.rows(order.slots(epoch, np.arange(num_samples))).tolist() == rows


@pytest.mark.parametrize("vector", ORDER["labelNoise"])
def test_label_noise(vector: Any) -> None:
    labels, ids = np.array(vector["labels"]), np.array(vector["ids"])
    noisy = add_label_noise(labels, ids, vector["rate"], vector["seed"], vector["numClasses"])
    assert noisy.tolist() == vector["noisyLabels"]


@pytest.mark.parametrize("vector", ORDER["loaders"])
def test_loaders(vector: Any, pool: Path) -> None:
    options = vector["options"]
    loader = open_dataset(pool).loader(**to_python(options))
    served = []
    for batch in islice(loader, len(vector["batches"])):
        state = loader.state_dict()
        place = {"epoch": state["epoch"], "position": state["position"]}
        served.append({"epoch": batch.epoch, "rows": batch.ids.tolist(), "after": place})
    assert served == vector["batches"]


@pytest.mark.parametrize("vector", LOOPS, ids=lambda vector: vector["title"])
def test_loops(vector: Any, pool: Path) -> None:
    loader = open_dataset(pool).loader(**to_python(vector["options"]))
    assert len(loader) == vector["numBatches"]
    if "state" in vector:
        loader.load_state_dict({**loader.state_dict(), **vector["state"]})
    loops = [iter(loader), iter(loader)]
    for number, *expected in vector.get("turns", []):
        batch = next(loops[number])
        assert [batch.epoch, batch.step] == expected
    for loop in vector["loops"]:
        served, end = [], "end"
        try:
            for batch in islice(loader, loop.get("take")):
                served.append([batch.epoch, batch.step])
        except Cifar5mError as error:
            end = error.code
        assert served == loop["batches"]
        assert ("end" if loop["end"] == "left" else loop["end"]) == end
    assert loader.state_dict().items() >= vector["after"].items()


@pytest.mark.parametrize("vector", AUGMENTATION["draws"])
def test_draws(vector: Any) -> None:
    draws = SampleDraws(vector["seed"], vector["epoch"], np.array([vector["position"]]))
    seen = {
        "isFlipped": draws.is_flipped(),
        "cropRow": draws.crop_rows(9),
        "cropColumn": draws.crop_columns(9),
        "mixupPartner": draws.mixup_partners(99),
        "cutoutRow": draws.cutout_rows(),
        "cutoutColumn": draws.cutout_columns(),
    }
    assert {name: values.item() for name, values in seen.items()} == {name: vector[name] for name in seen}


@pytest.mark.parametrize("vector", AUGMENTATION["mixupWeights"])
def test_mixup_weights(vector: Any) -> None:
    draws = SampleDraws(vector["seed"], vector["epoch"], np.array(vector["positions"]))
    np.testing.assert_allclose(draws.mixup_weights(vector["alpha"]), vector["weights"], rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("vector", AUGMENTATION["batches"], ids=lambda vector: json.dumps(vector["options"]))
def test_batches(vector: Any, pool: Path) -> None:
    options = vector["options"]
    loader = open_dataset(pool).loader(**to_python(options))
    batches = list(islice(loader, len(vector["batches"])))
    assert len(batches) == len(vector["batches"])
    for batch, expected in zip(batches, vector["batches"], strict=True):
        assert batch.epoch == expected["epoch"]
        assert batch.ids.tolist() == expected["ids"]
        assert batch.labels.tolist() == expected["labels"]
        if "sha256" in expected:
            assert hashlib.sha256(batch.images.tobytes()).hexdigest() == expected["sha256"]
            continue
        assert batch.mixup.labels.tolist() == expected["mixupLabels"]
        np.testing.assert_allclose(batch.mixup.weights, expected["mixupWeights"], rtol=1e-6)
        values = batch.images.reshape(-1, 3072)[:, LISTED_VALUES]
        np.testing.assert_allclose(values, expected["values"], rtol=1e-6, atol=1e-7)
