"""Writes small data sets as the builder does. Tests only: the package itself writes none."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cifar5m.canonical_json import hash_config, seal_json

CLASS_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("image", pa.list_(pa.field("item", pa.uint8()), 3072)),
        ("label", pa.int64()),
        ("class", pa.int64()),
        ("confidence", pa.float32()),
        ("probabilities", pa.list_(pa.field("item", pa.float32()), 10)),
    ]
)


def formula_images(rows: np.ndarray) -> np.ndarray:
    """The images of docs/augmentation-vectors.json: uint8, shape [R, 3072]."""
    rows, index = rows[:, None].astype(np.int64), np.arange(3072)
    return ((37 * rows + 11 * index + 5 * rows * (index // 96)) % 256).astype(np.uint8)


def make_columns(ids: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of rows with some ids; everything follows from the id."""
    labels = ids % 10
    confidences = (0.5 + (ids % 50) / 100).astype(np.float32)
    probabilities = np.repeat(((1 - confidences) / 9)[:, None], 10, axis=1).astype(np.float32)
    probabilities[np.arange(len(ids)), labels] = confidences
    return {
        "id": ids,
        "image": formula_images(ids),
        "label": labels,
        "class": (labels + 1) % 10,
        "confidence": confidences,
        "probabilities": probabilities,
    }


def write_shard(path: Path, columns: dict[str, np.ndarray], rows_per_batch: int = 8, **options: Any) -> None:
    arrays = [
        pa.FixedSizeListArray.from_arrays(pa.array(columns[field.name].reshape(-1)), field.type.list_size)
        if pa.types.is_fixed_size_list(field.type)
        else pa.array(columns[field.name])
        for field in SCHEMA
    ]
    table = pa.Table.from_arrays(arrays, names=SCHEMA.names)
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=rows_per_batch)


def describe_shard(folder: Path, file: str, columns: dict[str, np.ndarray]) -> dict[str, Any]:
    data = (folder / file).read_bytes()
    return {
        "file": file,
        "rows": len(columns["id"]),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "idStart": int(columns["id"].min()) if len(columns["id"]) else 0,
        "idEnd": int(columns["id"].max()) + 1 if len(columns["id"]) else 0,
    }


def describe_split(shards: list[dict[str, Any]], labels: np.ndarray) -> dict[str, Any]:
    counts = np.bincount(np.clip(labels, 0, 9), minlength=10).tolist()
    return {"rows": len(labels), "shards": shards, "classCounts": counts}


def make_manifest(splits: dict[str, Any]) -> dict[str, Any]:
    lines = "".join(
        f"{shard['file']} {shard['sha256']}\n" for name in ("train", "test") for shard in splits[name]["shards"]
    )
    return {
        "version": 1,
        "name": "test set",
        "classNames": CLASS_NAMES,
        "imageShape": [32, 32, 3],
        "splits": splits,
        "configHash": hash_config({}),
        "config": {},
        "models": {"generator": hashlib.sha256(b"generator").hexdigest()},
        "removals": {"dropped/duplicate-of-train": 3},
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "createdBy": "tests",
    }


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / "manifest.json").write_text(seal_json(manifest), "utf8")


def make_dataset(
    folder: Path,
    train: int = 100,
    test: int = 20,
    rows_per_shard: int = 30,
    ids: np.ndarray | None = None,
    rows_per_batch: int = 8,
) -> Path:
    """A data set of shards of `rows_per_shard` rows; ids count up, those of train first, and every 7th is left out."""
    all_ids = np.array([id for id in range(2 * (train + test)) if id % 7 != 3])[: train + test] if ids is None else ids
    splits = {}
    for name, own in (("train", all_ids[:train]), ("test", all_ids[train:])):
        shards = []
        for start in range(0, len(own), rows_per_shard):
            columns = make_columns(own[start : start + rows_per_shard])
            file = f"{name}/part-{len(shards):05}.arrow"
            write_shard(folder / file, columns, rows_per_batch)
            shards.append(describe_shard(folder, file, columns))
        splits[name] = describe_split(shards, own % 10)
    write_manifest(folder, make_manifest(splits))
    return folder
