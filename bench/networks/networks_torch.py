"""A training step of an experiment network in PyTorch, as a process that the benchmark asks in turns.

usage: networks_torch.py eager|channels-last|compile THREADS CASE
Each line on standard input is "round", "check" or "finish" in JSON; each is answered by one line of JSON.
"""

import json
import sys

import torch
import torch.nn.functional as F
from contestant import peak_memory_mb, serve
from read_safetensors import read_safetensors
from torch_networks import load_weights, make_network


def main() -> None:
    variant, threads, path = sys.argv[1:]
    torch.set_num_threads(int(threads))
    tensors, metadata = read_safetensors(path)
    training = json.loads(metadata["training"])
    images = tensors.pop("data.images").to(torch.uint8)
    network = make_network(json.loads(metadata["network"]))
    load_weights(network, tensors)
    layout = torch.channels_last if variant == "channels-last" else torch.contiguous_format
    network = network.to(memory_format=layout).train()
    forward = torch.compile(network) if variant == "compile" else network
    optimizer = torch.optim.SGD(network.parameters(), training["learningRate"], training["momentum"], fused=True)
    labels = torch.arange(training["numSamples"]) % 10
    batch_size, steps_per_round = training["batchSize"], training["stepsPerRound"]
    steps_done = 0

    def step() -> float:
        nonlocal steps_done
        indices = (steps_done * batch_size + torch.arange(batch_size)) % training["numSamples"]
        steps_done += 1
        batch = images[indices].permute(0, 3, 1, 2).float() * (2 / 255) - 1
        loss = F.cross_entropy(forward(batch.contiguous(memory_format=layout)), labels[indices])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    def check() -> list[float]:
        return [step() for _ in range(steps_per_round)]

    def work() -> int:
        for _ in range(steps_per_round):
            step()
        return steps_per_round * batch_size

    serve(work, check, peak_memory_mb)


main()
