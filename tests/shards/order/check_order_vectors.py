"""Checks examples/python against docs/order-vectors.json; ends with a failed assertion where they differ.

usage: check_order_vectors.py VECTORS FOLDER, the folder with a data set of as many train images as the loaders' pool
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "python"))

from cifar5m_order import Permutation, add_label_noise, make_shuffle, philox4x32, random_words  # noqa: E402
from cifar5m_torch import Cifar5mDataset  # noqa: E402


def as_kwargs(options: dict) -> dict:
    """Options of the TypeScript loader as those of Cifar5mDataset."""
    names = {
        "numSamples": "num_samples",
        "batchSize": "batch_size",
        "dropLast": "drop_last",
        "worldSize": "world_size",
        "blockRows": "block_rows",
        "windowBlocks": "window_blocks",
    }
    shuffle = options.get("shuffle", "full")
    flat = {**options, "shuffle": "blocked", **shuffle} if isinstance(shuffle, dict) else options
    return {names.get(key, key): value for key, value in flat.items()}


def check(kind: str, vector: dict, seen: list, key: str) -> None:
    assert seen == vector[key], f"{kind}: {vector} gives {seen}"


def main(path: str, folder: str) -> None:
    vectors = json.loads(Path(path).read_text())
    for vector in vectors["philox"]:
        check("philox", vector, philox4x32(vector["counter"], vector["key"]).tolist(), "words")
    for vector in vectors["words"]:
        words = random_words(vector["seed"], vector["stream"], [vector["id"]], len(vector["words"]))
        check("words", vector, words[0].tolist(), "words")
    for vector in vectors["permutations"]:
        permutation = Permutation(vector["size"], vector["seed"], vector["stream"], vector["id"])
        check("permutation", vector, permutation.num_left, "numLeft")
        check("permutation", vector, permutation.num_right, "numRight")
        check("permutation", vector, permutation.keys.tolist(), "keys")
        check("permutation", vector, permutation(np.array(vector["positions"])).tolist(), "entries")
    for vector in vectors["shuffles"]:
        kind = vector["shuffle"]
        shuffle = (kind["blockRows"], kind["windowBlocks"]) if kind["kind"] == "blocked" else kind["kind"]
        order = make_shuffle(shuffle, vector["size"], vector["seed"], vector["id"])
        check("shuffle", vector, order(np.array(vector["positions"])).tolist(), "rows")
    for vector in vectors["labelNoise"]:
        labels, ids = np.array(vector["labels"]), np.array(vector["ids"])
        noisy = add_label_noise(labels, ids, vector["rate"], vector["seed"], vector["numClasses"])
        check("label noise", vector, noisy.tolist(), "noisyLabels")
    for vector in vectors["loaders"]:
        dataset = Cifar5mDataset(folder, **as_kwargs(vector["options"]))
        id_of_row = dataset.split.read(np.arange(vector["poolSize"]))[2].tolist()
        seen = []
        epoch = 0
        for _, _, ids in dataset:
            state = dataset.state_dict()
            rows = [id_of_row.index(id) for id in ids.tolist()]
            seen.append({"epoch": epoch, "rows": rows, "after": {key: state[key] for key in ("epoch", "position")}})
            epoch = state["epoch"]
            if len(seen) == len(dataset):
                break
        check("loader", vector, seen, "batches")
    print(json.dumps({kind: len(entries) for kind, entries in vectors.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
