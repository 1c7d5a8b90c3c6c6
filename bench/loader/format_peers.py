"""Readers of other formats: the benchmark's set written as MosaicML Streaming and WebDataset want it, and read back."""

import io
import os

import numpy as np

ROWS_PER_SHARD = 10_000


def stack(samples):
    """Samples as arrays: images uint8 [B, 32, 32, 3], ids and labels."""
    images, ids, labels = zip(*samples, strict=True)
    return np.stack(images), np.array(ids), np.array(labels)


def forever(batches):
    while True:
        yield from batches


def streaming_batches(folder, rows, batch_size, workers):
    """MosaicML Streaming, shuffled by its default algorithm in blocks of shards."""
    from streaming import MDSWriter, StreamingDataLoader, StreamingDataset

    columns = {"image": "ndarray:uint8:32,32,3", "id": "int", "label": "int"}

    def write(target):
        with MDSWriter(out=target, columns=columns, size_limit=ROWS_PER_SHARD * 3100) as writer:
            for image, id, label in rows():
                writer.write({"image": image, "id": int(id), "label": int(label)})

    def collate(samples):
        return stack([(sample["image"], sample["id"], sample["label"]) for sample in samples])

    # All readers start at once, so that each writes a folder of its own.
    local = f"{folder}/mds-{workers}"
    write(local)
    dataset = StreamingDataset(local=local, shuffle=True, batch_size=batch_size, shuffle_seed=0)
    loader = StreamingDataLoader(
        dataset,
        batch_size,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        drop_last=True,
    )
    return forever(loader)


def webdataset_batches(folder, rows, batch_size, workers):
    """WebDataset: tar files of raw bytes, their order shuffled, and samples within a buffer."""
    import webdataset

    def write(target):
        os.makedirs(target)
        with webdataset.ShardWriter(f"{target}/train-%05d.tar", maxcount=ROWS_PER_SHARD, verbose=0) as writer:
            for image, id, label in rows():
                buffer = io.BytesIO()
                np.save(buffer, image)
                writer.write({"__key__": f"{id:08d}", "npy": buffer.getvalue(), "cls": int(label)})

    tars = f"{folder}/tars-{workers}"
    write(tars)
    paths = sorted(f"{tars}/{name}" for name in os.listdir(tars))
    dataset = (
        webdataset.WebDataset(paths, shardshuffle=len(paths), seed=0)
        .shuffle(ROWS_PER_SHARD)
        .decode()
        .map(lambda sample: (sample["npy"], int(sample["__key__"]), sample["cls"]))
        .batched(batch_size, collation_fn=stack, partial=False)
    )
    loader = webdataset.WebLoader(dataset, batch_size=None, num_workers=workers, persistent_workers=workers > 0)
    return forever(loader)


def our_batches(folder, batch_size, **options):
    """This project's Python package, from its sources."""
    import sys

    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "python", "src"))
    import cifar5m

    dataset = cifar5m.open_dataset(folder, memory_bytes=0)
    return forever(dataset.loader(regime="finite", batch_size=batch_size, **options))
