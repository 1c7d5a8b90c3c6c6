# %% Trains a small network in both worlds of the Deep Bootstrap framework, stops in the middle and resumes exactly.
#
#     python train.py runs/quickstart/dataset
#
# Run the cells one after the other in an editor, or all of them as a script.
import io
import sys
from typing import Any

import torch
from torch import nn

import cifar5m
from cifar5m.torch import Loader

if len(sys.argv) != 2:
    sys.exit("usage: python train.py DATASET-FOLDER, such as runs/quickstart/dataset")
dataset = cifar5m.open_dataset(sys.argv[1])
print(dataset)

# %% The batches: floats [32, 3, 32, 32], normalized, flipped and cropped.
COMMON = {
    "batch_size": 32,
    "seed": 7,
    "dtype": "float32",
    "normalize": True,
    "augment": cifar5m.Augment(flip=True, crop=4),
}
WORLDS = {
    # Real World(N = 96, T): the same images, in a new order every epoch.
    "finite": {"regime": "finite", "num_samples": 96, **COMMON},
    # Ideal World(T): no image twice.
    "infinite": {"regime": "infinite", **COMMON},
}


# %% A checkpoint holds the network, the optimizer and the loader; that is all it takes to go on as if nothing happened.
class Training:
    def __init__(self, options: dict[str, Any]) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(
            *[nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)],
            *[nn.Flatten(), nn.Linear(16, len(dataset.class_names))],
        )
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.05, momentum=0.9)
        self.loader = Loader(dataset, **options)

    def run(self, num_steps: int) -> None:
        """Takes so many steps. Every `for` is an epoch; the infinite regime has one that does not end so soon."""
        while num_steps > 0:
            for images, labels, _ in self.loader:
                self.optimizer.zero_grad()
                nn.functional.cross_entropy(self.network(images), labels).backward()
                self.optimizer.step()
                num_steps -= 1
                if num_steps == 0:
                    break

    @property
    def parts(self) -> list[Any]:
        return [self.network, self.optimizer, self.loader]

    def save(self, file: io.BytesIO) -> None:
        torch.save([part.state_dict() for part in self.parts], file)

    def load(self, file: io.BytesIO) -> None:
        for part, state in zip(self.parts, torch.load(file), strict=True):
            part.load_state_dict(state)


# %% Three steps without a stop, and with one after the second.
for name, options in WORLDS.items():
    whole = Training(options)
    whole.run(3)

    first = Training(options)
    first.run(2)
    file = io.BytesIO()
    first.save(file)

    file.seek(0)
    resumed = Training(options)
    resumed.load(file)
    resumed.run(1)

    pairs = zip(whole.network.parameters(), resumed.network.parameters(), strict=True)
    is_exact = all(torch.equal(own, other) for own, other in pairs)
    print(f"{name}: resumed, {'the same weights' if is_exact else 'OTHER WEIGHTS'}; {resumed.loader.state_dict()}")
    if not is_exact:
        sys.exit(1)
