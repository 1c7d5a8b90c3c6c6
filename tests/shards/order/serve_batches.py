"""Serves batches with the Python package and prints what came as one line of JSON.

usage: serve_batches.py < JOBS

JOBS is a JSON list of {folder, options, state, limit, workers}; the result is a list of {batches: [{ids, labels, images}],
state, error}, where `images` is a hash and `options` are the keyword arguments of cifar5m.torch.Loader.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "python" / "src"))

from cifar5m import Blocked, Cifar5mError, LabelNoise, open_dataset  # noqa: E402
from cifar5m.torch import Loader  # noqa: E402


def describe(batch) -> dict:
    return {
        "ids": batch.ids.tolist(),
        "labels": batch.labels.tolist(),
        "images": hashlib.sha256(batch.images.numpy().tobytes()).hexdigest(),
    }


def to_options(options: dict) -> dict:
    special = {}
    if isinstance(options.get("shuffle"), dict):
        special["shuffle"] = Blocked(**options["shuffle"])
    if options.get("label_noise") is not None:
        special["label_noise"] = LabelNoise(**options["label_noise"])
    return {"layout": "NHWC", **options, **special}


def serve(job: dict) -> dict:
    """Batches up to the limit, or of as many epochs as the options say."""
    served = {"batches": []}
    limit = job.get("limit", float("inf"))
    try:
        loader = Loader(open_dataset(job["folder"]), **to_options(job["options"]), num_workers=job.get("workers", 0))
        if job.get("state") is not None:
            loader.load_state_dict(job["state"])
        served["state"] = loader.state_dict()
        while len(served["batches"]) < limit:
            for batch in loader:
                served["batches"].append(describe(batch))
                served["state"] = loader.state_dict()
                if len(served["batches"]) >= limit:
                    break
    except Cifar5mError as error:
        # After the last epoch there is nothing more to serve.
        if error.code != "loader/finished":
            served["error"] = str(error)
    return served


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps([serve(job) for job in json.load(sys.stdin)]))
