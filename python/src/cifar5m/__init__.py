"""Reads the data sets of cifar5m: published folders of CIFAR-like images in Arrow shards.

>>> import cifar5m
>>> dataset = cifar5m.open_dataset("runs/quickstart/dataset")
>>> image, label, id = dataset[0]
>>> loader = dataset.loader(regime="finite", num_samples=1000, batch_size=100)
>>> for images, labels, ids in loader: ...  # one epoch; uint8 [100, 32, 32, 3], int64 [100], int64 [100]

The order of samples, the augmentation and the states are those of the TypeScript loader: docs/order.md. See
`cifar5m.torch` for PyTorch and `cifar5m.jax` for JAX and Grain. The package writes nothing but its cache of fetched
shards.
"""

from .augment import Augment
from .batch import Batch, Mixup
from .dataset import Dataset, Sample, Samples
from .errors import Cifar5mError, NoSuchRowError
from .label_noise import LabelNoise
from .loader import Loader
from .opening import open_dataset
from .options import LoaderOptions
from .remote.remote_options import RemoteOptions
from .shuffle import Blocked

__version__ = "0.2.0"

__all__ = [
    "Augment",
    "Batch",
    "Blocked",
    "Cifar5mError",
    "Dataset",
    "LabelNoise",
    "Loader",
    "LoaderOptions",
    "Mixup",
    "NoSuchRowError",
    "RemoteOptions",
    "Sample",
    "Samples",
    "__version__",
    "open_dataset",
]
