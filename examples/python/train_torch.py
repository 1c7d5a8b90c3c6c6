"""Trains a tiny network in both regimes of the Deep Bootstrap framework, stops in the middle and resumes exactly.

    npm start && python3 examples/python/train_torch.py runs/quickstart/dataset
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from cifar5m_torch import Cifar5mDataset
from torch import nn
from torch.utils.data import DataLoader

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


def train(dataset, num_steps, checkpoint=None, num_workers=0):
    """Takes so many steps, from the checkpoint on if there is one.

    Returns the losses, and a checkpoint: all that is needed to go on as if nothing had happened.
    """
    network = make_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    if checkpoint is not None:
        network.load_state_dict(checkpoint["network"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        dataset.load_state_dict(checkpoint["dataset"])
    losses = []
    # range first: zip would take a batch more than there are steps.
    for _, (images, labels, _) in zip(range(num_steps), DataLoader(dataset, batch_size=None, num_workers=num_workers)):
        inputs = images.permute(0, 3, 1, 2).float() / 127.5 - 1
        loss = nn.functional.cross_entropy(network(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    # Workers run ahead, and the data set of this process stays where it was: tell it how many batches were trained on.
    state = dataset.state_dict(len(losses) if num_workers > 0 else 0)
    return losses, {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "dataset": state}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a data set: the folder with manifest.json")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--workers", type=int, default=0)
    arguments = parser.parse_args()
    regimes = {
        # Real World(N = 128, T): the same images in a new order every epoch.
        "finite": {"num_samples": 128, "epochs": 100},
        # Ideal World(T): no image twice.
        "infinite": {},
    }
    for regime, options in regimes.items():

        def open_dataset():
            return Cifar5mDataset(arguments.folder, regime=regime, batch_size=BATCH_SIZE, seed=7, **options)

        whole, end = train(open_dataset(), arguments.steps, num_workers=arguments.workers)
        half = arguments.steps // 2
        first, checkpoint = train(open_dataset(), half, num_workers=arguments.workers)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.pt"
            torch.save(checkpoint, path)
            checkpoint = torch.load(path)
        rest, resumed = train(open_dataset(), arguments.steps - half, checkpoint, arguments.workers)
        is_exact = first + rest == whole and all(
            torch.equal(weights, resumed["network"][name]) for name, weights in end["network"].items()
        )
        print(f"{regime}: loss {whole[0]:.3f} to {whole[-1]:.3f} in {len(whole)} steps")
        print(f"{regime}: resumed after {len(first)}, {'the same weights' if is_exact else 'OTHER WEIGHTS'}")
        print(f"{regime}: {json.dumps(resumed['dataset'])}")
        if not is_exact:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
