"""Reads the safetensors files that engine/parameters/safetensors.ts writes in full precision."""

import json
import struct

import numpy as np
import torch


def read_safetensors(path: str) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with open(path, "rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(header_bytes))
        data = np.frombuffer(file.read(), np.float32)
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        start, end = (offset // 4 for offset in entry["data_offsets"])
        tensors[name] = torch.from_numpy(data[start:end].reshape(entry["shape"]).copy())
    return tensors, metadata
