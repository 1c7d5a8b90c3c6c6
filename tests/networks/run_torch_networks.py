"""Runs PyTorch's twins of our networks: python3 run_torch_networks.py CASE…, one line of JSON for each.

In float64: a ReLU at its edge that float32 rounds to the other side changes a second step's loss by 5e-4.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

for folder in ("harness", "networks"):
    sys.path.insert(0, str(Path(__file__).parents[2] / "bench" / folder))

from read_safetensors import read_safetensors  # noqa: E402
from torch_networks import load_weights, make_network, named_tensors, saved_weights  # noqa: E402


def run(path: str) -> dict:
    tensors, metadata = read_safetensors(path)
    images, labels = tensors.pop("input.images").double(), tensors.pop("input.labels").long()
    training = json.loads(metadata["training"])
    network = make_network(json.loads(metadata["network"]))
    load_weights(network, tensors)
    network.double()
    parameters = named_tensors(network)
    groups = [
        {"params": [parameters[name] for name in training["decayed"]], "weight_decay": training["weightDecay"]},
        {"params": [parameters[name] for name in training["undecayed"]], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.SGD(
        groups, lr=training["learningRate"], momentum=training["momentum"], nesterov=training["nesterov"]
    )
    with torch.no_grad():
        evaluated = network.eval()(images).flatten().tolist()
    network.train()
    losses, trained = [], None
    for _ in range(training["steps"]):
        logits = network(images)
        trained = logits.flatten().tolist() if trained is None else trained
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    weights = {name: tensor.flatten().tolist() for name, tensor in saved_weights(network, tensors).items()}
    return {"evaluated": evaluated, "trained": trained, "losses": losses, "weights": weights}


torch.set_num_threads(1)
for case in sys.argv[1:]:
    print(json.dumps(run(case)))
