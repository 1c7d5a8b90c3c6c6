"""Reads exports the way Python users do and prints what it saw as one line of JSON.

usage: read_exports.py FOLDER, with npz/, parquet/, webdataset/ and png/ in it
"""

import csv
import hashlib
import json
import os
import sys
import tarfile
import tempfile
import zlib
from glob import glob

os.environ["HF_HUB_OFFLINE"] = "1"
cache = tempfile.TemporaryDirectory()
os.environ["HF_HOME"] = cache.name

import datasets  # noqa: E402
import duckdb  # noqa: E402
import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow.dataset as ds  # noqa: E402

datasets.disable_progress_bars()


def decode_png(data: bytes) -> np.ndarray:
    """A 32×32 RGB PNG whose rows are stored as differences from the pixel to the left."""
    position, packed = 8, b""
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        assert zlib.crc32(kind + body) == int.from_bytes(data[position + 8 + length : position + 12 + length], "big")
        packed += body if kind == b"IDAT" else b""
        position += 12 + length
    rows = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(32, 97)
    assert (rows[:, 0] == 1).all()
    return np.cumsum(rows[:, 1:].reshape(32, 32, 3), axis=1, dtype=np.uint8)


def digest(images: np.ndarray, labels) -> dict:
    return {
        "rows": len(images),
        "images": hashlib.sha256(np.ascontiguousarray(images, dtype=np.uint8).tobytes()).hexdigest(),
        "labels": [int(label) for label in labels],
    }


def from_pngs(pngs, labels) -> dict:
    return digest(np.stack([decode_png(png) for png in pngs]), labels)


def read_npz(folder: str) -> dict:
    parts = [np.load(path, allow_pickle=False) for path in sorted(glob(f"{folder}/train/*.npz"))]
    assert all(part["X"].dtype == np.uint8 and part["Y"].dtype == np.int64 for part in parts)
    return digest(np.concatenate([part["X"] for part in parts]), np.concatenate([part["Y"] for part in parts]))


def read_webdataset(folder: str) -> dict:
    """Groups the members of each tar by name up to the first dot, in order, as the webdataset library does."""
    samples = []
    for path in sorted(glob(f"{folder}/train/*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, extension = member.name.split(".", 1)
                if not samples or samples[-1]["__key__"] != key:
                    samples.append({"__key__": key})
                samples[-1][extension] = tar.extractfile(member).read()
                assert member.mtime == 0 and member.uid == 0
    facts = [json.loads(sample["json"]) for sample in samples]
    assert [int(sample["__key__"]) for sample in samples] == [fact["id"] for fact in facts]
    assert [int(sample["cls"]) for sample in samples] == [fact["label"] for fact in facts]
    return from_pngs([sample["png"] for sample in samples], [int(sample["cls"]) for sample in samples])


def read_pictures(folder: str) -> dict:
    with open(f"{folder}/train/labels.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert all(line["file"].split("/")[0] == line["class_name"] for line in lines)
    pngs = [open(f"{folder}/train/{line['file']}", "rb").read() for line in lines]
    return from_pngs(pngs, [line["label"] for line in lines])


def read_parquet(folder: str) -> dict:
    pattern = f"{folder}/train/*.parquet"
    table = ds.dataset(sorted(glob(pattern)), format="parquet").to_table().to_pydict()
    frame = pl.read_parquet(pattern).sort("id")
    rows = duckdb.sql(f"select image.bytes, label, probabilities from '{pattern}' order by id").fetchall()
    loaded = datasets.load_dataset("parquet", data_files=sorted(glob(pattern)), split="train")
    raw = loaded.cast_column("image", datasets.Image(decode=False))
    streamed = datasets.load_dataset("parquet", data_files=sorted(glob(pattern)), split="train", streaming=True)
    return {
        "pyarrow": from_pngs([image["bytes"] for image in table["image"]], table["label"]),
        "polars": from_pngs(frame["image"].struct.field("bytes").to_list(), frame["label"].to_list()),
        "duckdb": from_pngs([row[0] for row in rows], [row[1] for row in rows]),
        "datasets": from_pngs([image["bytes"] for image in raw["image"]], raw["label"]),
        "features": {name: type(feature).__name__ for name, feature in loaded.features.items()},
        "streamedFeatures": {name: type(feature).__name__ for name, feature in streamed.features.items()},
        "labelNames": loaded.features["label"].names,
        "oneHot": all(row[2][row[1]] == 1.0 and sum(row[2]) == 1.0 for row in rows),
        "firstId": table["id"][0],
    }


folder = sys.argv[1]
seen = {
    "npz": read_npz(f"{folder}/npz"),
    "webdataset": read_webdataset(f"{folder}/webdataset"),
    "png": read_pictures(f"{folder}/png"),
    "parquet": read_parquet(f"{folder}/parquet"),
}
print(json.dumps(seen))
