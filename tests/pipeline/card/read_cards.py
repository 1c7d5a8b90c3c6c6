"""Reads the cards of data sets the way Python users do and prints what it saw as one line of JSON.

usage: read_cards.py FOLDER...
"""

import hashlib
import json
import logging
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
cache = tempfile.TemporaryDirectory()
os.environ["HF_HOME"] = cache.name

import datasets  # noqa: E402
import mlcroissant as mlc  # noqa: E402
import numpy as np  # noqa: E402
from huggingface_hub import DatasetCard  # noqa: E402

datasets.disable_progress_bars()
logging.disable(logging.ERROR)


def digest(images) -> str:
    return hashlib.sha256(np.stack([np.asarray(image, dtype=np.uint8).reshape(-1) for image in images]).tobytes()).hexdigest()


def text(value) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def read_hub(folder: str) -> dict:
    """The card as huggingface_hub reads it. Its own validation asks a server; `datasets` reads the same keys here."""
    card = DatasetCard.load(f"{folder}/README.md")
    data = card.data.to_dict()
    infos = datasets.info.DatasetInfosDict.from_dataset_card_data(card.data)
    configs = datasets.utils.metadata.MetadataConfigs.from_dataset_card_data(card.data)
    return {
        "license": data["license"],
        "size": data["size_categories"],
        "infos": list(infos),
        "configs": list(configs),
        "roundTrip": DatasetCard(str(card)).data.to_dict() == data,
    }


def read_datasets(folder: str) -> dict:
    found = datasets.load_dataset(folder)
    train = found["train"]
    return {
        "rows": {name: len(split) for name, split in found.items()},
        "labelNames": train.features["label"].names,
        "features": {name: type(feature).__name__ for name, feature in train.features.items()},
        "labels": train["label"][:],
        "images": digest(train["image"][:]),
    }


def read_croissant(folder: str) -> dict:
    dataset = mlc.Dataset(f"{folder}/croissant.json")
    classes = [text(record["classes/name"]) for record in dataset.records("classes")]
    seen = {"errors": sorted(dataset.metadata.issues.errors), "warnings": sorted(dataset.metadata.issues.warnings), "classes": classes}
    if "shards" in [record_set.id for record_set in dataset.metadata.record_sets]:
        shards = list(dataset.records("shards"))
        return {**seen, "shards": {text(shard["shards/file"]): text(shard["shards/sha256"]) for shard in shards}}
    records = [record for record in dataset.records("images") if text(record["images/split"]) == "train"]
    return {
        **seen,
        "labels": [int(record["images/label"]) for record in records],
        "images": digest(record["images/image"] for record in records),
    }


def read(folder: str) -> dict:
    if not os.path.exists(f"{folder}/README.md"):
        return {"datasets": read_datasets(folder)}
    return {"hub": read_hub(folder), "datasets": read_datasets(folder), "croissant": read_croissant(folder)}


print(json.dumps({folder: read(folder) for folder in sys.argv[1:]}))
