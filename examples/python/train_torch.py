"""Trains a tiny network in both regimes of the Deep Bootstrap framework, stops in the middle and resumes exactly.

    npm start && pip install ./python && python3 examples/python/train_torch.py runs/quickstart/dataset
"""

import argparse
import json
import tempfile
from pathlib import Path

import cifar5m
import torch
from cifar5m.torch import Loader
from torch import nn

BATCH_SIZE = 32


def make_network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def train(loader, num_steps, checkpoint=None):
    """Takes so many steps, from the checkpoint on if there is one.

    Returns the losses, and a checkpoint: all that is needed to go on as if nothing had happened.
    """
    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    if checkpoint is not None:
        network.load_state_dict(checkpoint["network"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        loader.load_state_dict(checkpoint["loader"])
    losses = []
    while len(losses) < num_steps:
        # Every loop is an epoch; the infinite regime has one.
        for images, labels, _ in loader:
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == num_steps:
                break
    return losses, {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "loader": loader.state_dict(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a data set: the folder with manifest.json")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--workers", type=int, default=0)
    arguments = parser.parse_args()
    dataset = cifar5m.open_dataset(arguments.folder)
    regimes = {
        # Real World(N = 128, T): the same images in a new order every epoch.
        "finite": {"num_samples": 128},
        # Ideal World(T): no image twice.
        "infinite": {},
    }
    for regime, options in regimes.items():

        def make_loader():
            return Loader(
                dataset,
                regime=regime,
                batch_size=BATCH_SIZE,
                seed=7,
                dtype="float32",
                normalize=((0.5,) * 3, (0.5,) * 3),
                num_workers=arguments.workers,
                **options,
            )

        whole, end = train(make_loader(), arguments.steps)
        half = arguments.steps // 2
        first, checkpoint = train(make_loader(), half)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            torch.save(checkpoint, path)
            checkpoint = torch.load(path)
        rest, resumed = train(make_loader(), arguments.steps - half, checkpoint)
        is_exact = first + rest == whole and all(
            torch.equal(weights, resumed["network"][name]) for name, weights in end["network"].items()
        )
        print(f"{regime}: loss {whole[0]:.3f} to {whole[-1]:.3f} in {len(whole)} steps")
        print(f"{regime}: resumed after {len(first)}, {'the same weights' if is_exact else 'OTHER WEIGHTS'}")
        print(f"{regime}: {json.dumps(resumed['loader'])}")
        if not is_exact:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
