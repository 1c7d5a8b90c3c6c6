"""Images a second of Python readers over shuffled batches, as one line of JSON.

usage: loader_peers.py FOLDER BATCH_SIZE SECONDS
"""

import glob
import json
import os
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"
cache = tempfile.TemporaryDirectory()
os.environ["HF_HOME"] = cache.name
os.environ["HF_DATASETS_CACHE"] = cache.name

import datasets  # noqa: E402
import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402

datasets.disable_progress_bars()
folder, batch_size, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
paths = sorted(glob.glob(f"{folder}/*.arrow"))
table = pa.concat_tables([pa.ipc.open_file(pa.memory_map(path)).read_all() for path in paths])
table = table.select(["id", "image", "label"])


def to_numpy(batch: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """A batch as arrays of its own: images uint8 [B, 32, 32, 3] and labels."""
    images = batch["image"].combine_chunks()
    flat = (images.chunk(0) if isinstance(images, pa.ChunkedArray) else images).flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, 32, 32, 3), batch["label"].to_numpy()


def measure(read_batch) -> list[float]:
    """Images a second, and a CPU second, of `read_batch(indices)` over shuffled batches, after a warm-up."""
    random = np.random.default_rng(0)

    def run() -> list[float]:
        num_images, start, cpu_start = 0, time.perf_counter(), time.process_time()
        while True:
            order = random.permutation(table.num_rows)
            for first in range(0, table.num_rows - batch_size + 1, batch_size):
                num_images += len(read_batch(order[first : first + batch_size])[0])
                if time.perf_counter() - start > seconds:
                    return [num_images / (time.perf_counter() - start), num_images / (time.process_time() - cpu_start)]

    run()
    return run()


in_place = datasets.Dataset(table).with_format("arrow")
one_chunk = table.combine_chunks()
print(
    json.dumps(
        {
            "pyarrow, take from memory map": measure(lambda indices: to_numpy(table.take(pa.array(indices)))),
            "pyarrow, take from one chunk in RAM": measure(lambda indices: to_numpy(one_chunk.take(pa.array(indices)))),
            "HF datasets, with_format(arrow)": measure(lambda indices: to_numpy(in_place[indices])),
        }
    )
)
