"""Reads shards the way Python users do and prints what it saw as one line of JSON.

usage: read_shards.py SHARD...
"""

import hashlib
import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
cache = tempfile.TemporaryDirectory()
os.environ["HF_HOME"] = cache.name
os.environ["HF_DATASETS_CACHE"] = cache.name

import datasets  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402

datasets.disable_progress_bars()


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def digest(table: pa.Table) -> dict:
    """Hashes of the columns, images as uint8 [rows, 3072], labels and ids as int64."""
    images = np.concatenate([chunk.flatten().to_numpy() for chunk in table["image"].chunks])
    probabilities = np.concatenate([chunk.flatten().to_numpy() for chunk in table["probabilities"].chunks])
    return {
        "rows": table.num_rows,
        "image": sha256(images.astype(np.uint8)),
        "label": sha256(table["label"].to_numpy().astype(np.int64)),
        "id": sha256(table["id"].to_numpy().astype(np.int64)),
        "probabilities": sha256(probabilities.astype(np.float32)),
    }


def main(shards: list[str]) -> None:
    with_pyarrow = pa.concat_tables([pa.ipc.open_file(pa.memory_map(path)).read_all() for path in shards])
    loaded = datasets.load_dataset("arrow", data_files=shards, split="train")
    in_place = datasets.Dataset(with_pyarrow)
    streamed = datasets.load_dataset("arrow", data_files=shards, split="train", streaming=True)
    first = next(iter(streamed))
    seen = {
        "versions": {"pyarrow": pa.__version__, "datasets": datasets.__version__},
        "types": {field.name: str(field.type) for field in with_pyarrow.schema},
        "nullable": all(field.nullable for field in with_pyarrow.schema),
        "pyarrow": digest(with_pyarrow),
        "datasets": digest(loaded.data.table),
        "features": {name: type(feature).__name__ for name, feature in loaded.features.items()},
        "inPlaceFeatures": {name: type(feature).__name__ for name, feature in in_place.features.items()},
        "streamedFeatures": {name: type(feature).__name__ for name, feature in (streamed.features or {}).items()},
        "labelNames": loaded.features["label"].names,
        "firstStreamed": {"label": first["label"], "bytes": len(first["image"])},
    }
    print(json.dumps(seen))


main(sys.argv[1:])
