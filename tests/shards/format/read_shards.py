"""Reads shards the way users of one Python reader do, and prints what it saw as one line of JSON.

usage: read_shards.py READER FOLDER SHARD..., the shards of the train split of FOLDER
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np


def describe(images, labels, ids, probabilities=None) -> dict:
    """Hashes of the columns: images uint8 [rows, 3072], labels and ids int64, probabilities float32 [rows, 10]."""
    columns = {"image": (images, np.uint8), "label": (labels, np.int64), "id": (ids, np.int64)}
    if probabilities is not None:
        columns["probabilities"] = (probabilities, np.float32)
    # No conversion: a reader that gives another type fails here.
    for name, (values, dtype) in columns.items():
        assert values.dtype == dtype, f"{name} is {values.dtype}"
    hashes = {name: hashlib.sha256(np.ascontiguousarray(values)).hexdigest() for name, (values, _) in columns.items()}
    return {"rows": len(labels), **hashes}


def describe_table(table) -> dict:
    """The same of an Arrow table."""
    lists = [
        np.concatenate([chunk.flatten().to_numpy() for chunk in table[name].chunks]) for name in ("image", "probabilities")
    ]
    return describe(lists[0], table["label"].to_numpy(), table["id"].to_numpy(), lists[1])


def map_table(shards):
    import pyarrow as pa

    return pa.concat_tables([pa.ipc.open_file(pa.memory_map(path)).read_all() for path in shards])


def read_with_pyarrow(_folder, shards):
    table = map_table(shards)
    return {**describe_table(table), "nullable": all(field.nullable for field in table.schema)}


def import_datasets():
    """Hugging Face datasets, with a cache of its own and without network."""
    cache = tempfile.mkdtemp(dir=os.environ["CIFAR5M_TEST_CACHE"])
    os.environ.update(HF_HUB_OFFLINE="1", HF_HOME=cache, HF_DATASETS_CACHE=cache)
    import datasets

    datasets.disable_progress_bars()
    return datasets


def describe_features(features) -> dict:
    return {
        "features": {name: type(feature).__name__ for name, feature in features.items()},
        "labelNames": features["label"].names,
    }


def read_with_datasets(_folder, shards):
    loaded = import_datasets().load_dataset("arrow", data_files=shards, split="train")
    return {**describe_table(loaded.data.table), **describe_features(loaded.features)}


def read_with_datasets_in_place(_folder, shards):
    dataset = import_datasets().Dataset(map_table(shards))
    return {**describe_table(dataset.data.table), **describe_features(dataset.features)}


def read_with_datasets_streaming(_folder, shards):
    import pyarrow as pa

    streamed = import_datasets().load_dataset("arrow", data_files=shards, split="train", streaming=True)
    tables = streamed.with_format("arrow").iter(batch_size=400)
    return {**describe_table(pa.concat_tables(tables)), **describe_features(streamed.features)}


def read_with_polars(_folder, shards):
    import polars

    frame = polars.read_ipc(shards)
    lazily = polars.scan_ipc(shards).collect()
    assert lazily.equals(frame)
    return describe(*(frame[name].to_numpy() for name in ("image", "label", "id", "probabilities")))


def read_with_duckdb(_folder, shards):
    """Through pyarrow: DuckDB itself reads Arrow files only with an extension that is downloaded."""
    import duckdb

    shard_rows = map_table(shards)  # noqa: F841, DuckDB finds it by its name
    return describe_table(duckdb.sql("SELECT * FROM shard_rows ORDER BY id").to_arrow_table())


def read_with_torch(folder, _shards):
    import torch

    sys.path.insert(0, str(Path(__file__).parents[3] / "python" / "src"))
    import cifar5m
    from cifar5m.torch import Loader

    torch.set_num_threads(1)
    options = {"regime": "finite", "shuffle": False, "batch_size": 400, "drop_last": False, "layout": "NHWC"}
    loader = Loader(cifar5m.open_dataset(folder), **options, columns=["probabilities"])
    batches = [(batch.images, batch.labels, batch.ids, batch.probabilities) for batch in loader]
    return describe(*(torch.cat(parts).numpy() for parts in zip(*batches)))


readers = {
    "pyarrow": read_with_pyarrow,
    "datasets": read_with_datasets,
    "datasets in place": read_with_datasets_in_place,
    "datasets streaming": read_with_datasets_streaming,
    "polars": read_with_polars,
    "duckdb": read_with_duckdb,
    "torch": read_with_torch,
}

if __name__ == "__main__":
    name, data_folder, *paths = sys.argv[1:]
    print(json.dumps(readers[name](data_folder, paths)))
