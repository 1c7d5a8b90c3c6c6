"""Serves batches with examples/python/cifar5m_torch.py and prints what came as one line of JSON.

usage: serve_batches.py [GROUP-FILE RANK WORLD-SIZE] < JOBS, the latter to join a group of torch.distributed.

JOBS is a JSON list of {folder, options, state, limit, workers}; the result is a list of {batches: [{ids, labels, images}],
state, length, error}, where `images` is a hash and `options` are the keyword arguments of Cifar5mDataset.
"""

import hashlib
import json
import math
import sys
from itertools import islice
from pathlib import Path

import torch
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "python"))

from cifar5m_torch import Cifar5mDataset  # noqa: E402


def describe(images: torch.Tensor, labels: torch.Tensor, ids: torch.Tensor) -> dict:
    assert images.dtype == torch.uint8 and images.shape == (len(ids), 32, 32, 3)
    assert labels.dtype == torch.int64 and ids.dtype == torch.int64
    return {
        "ids": ids.tolist(),
        "labels": labels.tolist(),
        "images": hashlib.sha256(images.numpy().tobytes()).hexdigest(),
    }


def serve(job: dict) -> dict:
    served = {"batches": []}
    workers = job.get("workers")
    options = {key: math.inf if value == "inf" else value for key, value in job["options"].items()}
    try:
        dataset = Cifar5mDataset(job["folder"], **options)
        served["length"] = None if dataset.epochs == math.inf else len(dataset)
        if job.get("state") is not None:
            dataset.load_state_dict(job["state"])
        batches = dataset if workers is None else DataLoader(dataset, batch_size=None, num_workers=workers)
        try:
            for batch in islice(batches, job.get("limit")):
                served["batches"].append(describe(*batch))
        finally:
            # With workers the data set of this process has not moved.
            served["state"] = dataset.state_dict(len(served["batches"]) if workers else 0)
    except ValueError as error:
        served["error"] = str(error)
    return served


if __name__ == "__main__":
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        file, rank, world_size = sys.argv[1:]
        group = {"rank": int(rank), "world_size": int(world_size)}
        torch.distributed.init_process_group("gloo", init_method=f"file://{file}", **group)
    print(json.dumps([serve(job) for job in json.load(sys.stdin)]))
