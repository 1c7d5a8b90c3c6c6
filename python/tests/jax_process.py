"""One process of a group of jax.distributed; prints what its loaders serve. See test_with_jax.py."""

from __future__ import annotations

import json
import sys

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from serving import line_of

from cifar5m import open_dataset

folder, address, rank = sys.argv[1:]
jax.distributed.initialize(address, 2, int(rank))

from cifar5m.jax import Loader  # noqa: E402

mesh = Mesh(np.array(jax.devices()), ("data",))
split, replicated = NamedSharding(mesh, PartitionSpec("data")), NamedSharding(mesh, PartitionSpec())
dataset = open_dataset(folder)
options = {"regime": "infinite", "batch_size": 8}
batch = next(iter(Loader(dataset, **options, device=split)))
rows = [shard.index[0].indices(8)[:2] for shard in batch.labels.addressable_shards]
own = [np.asarray(shard.data).tolist() for shard in batch.labels.addressable_shards]
lines = [
    line_of(lambda: next(iter(Loader(dataset, regime="infinite", batch_size=9, device=split)))),
    line_of(lambda: next(iter(Loader(dataset, **options, device=replicated)))),
]
result = {"shapes": [batch.images.shape, batch.labels.shape], "ids": batch.ids.tolist(), "rows": rows, "own": own}
print(json.dumps({**result, "lines": lines}))
