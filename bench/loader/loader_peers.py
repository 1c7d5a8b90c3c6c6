"""A Python reader over shuffled batches, as a process that the benchmark asks in turns.

usage: loader_peers.py READER FOLDER BATCH_SIZE
Each line on standard input is "round", "check" or "finish" in JSON; each is answered by one line of JSON.
"""

import glob
import os
import sys

reader, folder, batch_size = sys.argv[1], sys.argv[2], int(sys.argv[3])
# Readers that handle one sample at a time are an order of magnitude slower.
BATCHES_PER_ROUND = 40 if reader.startswith(("torch-augmented", "streaming", "webdataset")) else 300

import numpy as np  # noqa: E402
from contestant import serve  # noqa: E402
from format_peers import our_batches, streaming_batches, webdataset_batches  # noqa: E402


def read_table():
    import pyarrow as pa

    paths = sorted(glob.glob(f"{folder}/train/*.arrow"))
    table = pa.concat_tables([pa.ipc.open_file(pa.memory_map(path)).read_all() for path in paths])
    return table.select(["id", "image", "label"])


def to_numpy(batch):
    """A batch as arrays of its own: images uint8 [B, 32, 32, 3], ids and labels."""
    images = batch["image"]
    if hasattr(images, "combine_chunks"):
        images = images.combine_chunks()
    flat = (images.chunk(0) if hasattr(images, "chunk") else images).flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(-1, 32, 32, 3), batch["id"].to_numpy(), batch["label"].to_numpy()


def write_npy():
    """The set as arrays that numpy maps into memory, as people keep CIFAR-5m."""
    path = f"{folder}/images.npy"
    if not os.path.exists(path):
        table = read_table()
        images = np.lib.format.open_memmap(f"{path}.tmp", "w+", np.uint8, (table.num_rows, 32, 32, 3))
        start = 0
        for batch in table.to_batches():
            images[start : start + batch.num_rows] = to_numpy(batch)[0]
            start += batch.num_rows
        images.flush()
        np.save(f"{folder}/labels.npy", table["label"].to_numpy())
        os.rename(f"{path}.tmp", path)
    return path


def indexed_batches(read_batch, num_rows):
    random = np.random.default_rng(0)
    while True:
        order = random.permutation(num_rows)
        for first in range(0, num_rows - batch_size + 1, batch_size):
            yield read_batch(order[first : first + batch_size])


def torch_batches(augmented, workers):
    """torch DataLoader on a memory-mapped npy file."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
    std = torch.tensor([0.247, 0.2435, 0.2616]).view(3, 1, 1)
    path = write_npy()

    class Images(Dataset):
        def __init__(self):
            self.images = np.load(path, mmap_mode="r")
            self.labels = np.load(f"{folder}/labels.npy")

        def __len__(self):
            return len(self.labels)

        def __getitem__(self, index):
            """One sample: pad by 4, crop, flip, normalize, as torchvision's transforms do."""
            image = torch.from_numpy(self.images[index].copy()).permute(2, 0, 1)
            padded = torch.nn.functional.pad(image, (4, 4, 4, 4))
            y, x = torch.randint(0, 9, (2,)).tolist()
            image = padded[:, y : y + 32, x : x + 32]
            if torch.rand(()) < 0.5:
                image = image.flip(2)
            return (image.float().div(255) - mean) / std, int(self.labels[index])

        def __getitems__(self, indices):
            if augmented:
                return [self[index] for index in indices]
            return torch.from_numpy(self.images[indices]), torch.from_numpy(self.labels[indices])

    collate = torch.utils.data.default_collate if augmented else (lambda batch: batch)
    loader = DataLoader(
        Images(),
        batch_size,
        shuffle=True,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        drop_last=True,
    )
    while True:
        yield from loader


def numpy_batches():
    """np.take on a memory map, as people read CIFAR-5m."""
    images = np.load(write_npy(), mmap_mode="r")
    labels = np.load(f"{folder}/labels.npy")
    return indexed_batches(lambda indices: (np.take(images, indices, axis=0), labels[indices]), len(labels))


def arrow_batches(table):
    import pyarrow as pa

    return indexed_batches(lambda indices: to_numpy(table.take(pa.array(indices))), table.num_rows)


def dataset_batches():
    """Hugging Face datasets on the same Arrow files."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets

    in_place = datasets.Dataset(read_table()).with_format("arrow")
    return indexed_batches(lambda indices: to_numpy(in_place[indices]), in_place.num_rows)


def rows():
    """Every row as image [32, 32, 3], id and label."""
    for batch in read_table().to_batches():
        yield from zip(*to_numpy(batch), strict=True)


READERS = {
    "numpy-map": numpy_batches,
    "pyarrow-map": lambda: arrow_batches(read_table()),
    "pyarrow-resident": lambda: arrow_batches(read_table().combine_chunks()),
    "datasets": dataset_batches,
    "torch": lambda: torch_batches(augmented=False, workers=0),
    "torch-workers": lambda: torch_batches(augmented=False, workers=2),
    "torch-augmented": lambda: torch_batches(augmented=True, workers=2),
    "streaming": lambda: streaming_batches(folder, rows, batch_size, 0),
    "streaming-workers": lambda: streaming_batches(folder, rows, batch_size, 2),
    "webdataset": lambda: webdataset_batches(folder, rows, batch_size, 0),
    "webdataset-workers": lambda: webdataset_batches(folder, rows, batch_size, 2),
    "cifar5m-python": lambda: our_batches(folder, batch_size),
    "cifar5m-python-blocked": lambda: our_batches(folder, batch_size, shuffle="blocked"),
}


def check_batch(batch):
    """Whether a reader that hands out ids gives each its own image."""
    if hasattr(batch, "ids"):
        batch = (batch.images, batch.ids, batch.labels)
    if len(batch) != 3:
        return
    images, ids, labels = batch
    expected = to_numpy(read_table().take(np.asarray(ids, dtype=np.int64)))
    assert np.array_equal(images, expected[0]), f"{reader} gives other images than the files hold"
    assert np.array_equal(labels, expected[2]), f"{reader} gives other labels than the files hold"


def check():
    """Sum of all bytes, and of id times label: of the files, after a batch of the reader was compared with them."""
    check_batch(next(batches))
    total, products = 0, 0
    for batch in read_table().to_batches():
        images, ids, labels = to_numpy(batch)
        total += int(images.sum(dtype=np.int64))
        products += int((ids * labels).sum())
    return [float(np.float32(total)), float(np.float32(products))]


def peak_memory_mb():
    """Sum over this process and its workers of the peak resident memory, without pages of files and shared pages.

    Linux knows the peak of all pages only (VmHWM), so that the pages of files (RssFile) and the shared ones (RssShmem)
    that are resident now are subtracted. What memory maps hold is left out.
    """
    import subprocess

    children = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True, check=False)
    total = 0
    for process in [str(os.getpid()), *children.stdout.split()]:
        try:
            with open(f"/proc/{process}/status") as file:
                fields = dict(line.split(":", 1) for line in file)
            mapped = int(fields["RssFile"].split()[0]) + int(fields["RssShmem"].split()[0])
            total += max(0, int(fields["VmHWM"].split()[0]) - mapped)
        except (OSError, KeyError):
            continue
    return total // 1024


batches = READERS[reader]()


def work():
    for _ in range(BATCHES_PER_ROUND):
        next(batches)
    return BATCHES_PER_ROUND * batch_size


serve(work, check, peak_memory_mb)
os._exit(0)
