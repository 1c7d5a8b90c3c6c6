"""Rows of a cifar5m data set by index, as numpy arrays, read where they lie in memory-mapped Arrow shards."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa

MANIFEST_VERSION = 1


class Split:
    """One split, `train` or `test`, of a data set folder. Shards are opened when the first row is asked for.

    Raises ValueError for a damaged manifest, or shards that are not those of the manifest.
    """

    def __init__(self, folder, name):
        self.folder = Path(folder)
        manifest = read_manifest(self.folder / "manifest.json")
        if name not in manifest["splits"]:
            raise ValueError(f"split must be one of {', '.join(manifest['splits'])}, got {name!r}. Choose one of them.")
        self.shards = [shard for shard in manifest["splits"][name]["shards"] if shard["rows"] > 0]
        self.num_rows = sum(shard["rows"] for shard in self.shards)
        self.num_classes = len(manifest["classNames"])
        # Identity of the data, carried by loader states.
        self.fingerprint = f"{name}-{manifest['sha256'][:32]}"
        self._columns = None

    def read(self, rows):
        """Images uint8 [R, 32, 32, 3], labels int64 [R] and ids int64 [R] of rows, an int64 array [R]."""
        if self._columns is None:
            self._columns = self._map_shards()
        chunk_starts, chunks, labels, ids = self._columns
        chunk_of = np.searchsorted(chunk_starts, rows, "right") - 1
        places = zip(chunk_of.tolist(), (rows - chunk_starts[chunk_of]).tolist())
        # Not pyarrow's take, which is many times slower on a memory map. A rank may have no row of a short batch.
        views = [chunks[chunk][row] for chunk, row in places] or [np.empty(0, np.uint8)]
        return np.concatenate(views).reshape(-1, 32, 32, 3), labels[rows], ids[rows]

    def _map_shards(self):
        """First row and images (views) of every record batch; labels and ids in memory, 16 bytes a row."""
        batches = []
        for shard in self.shards:
            path = self.folder / shard["file"]
            # Only the file is closed: it stays mapped while views of it live.
            with pa.memory_map(str(path)) as file:
                require_equal(path, "bytes", shard, file.size())
                table = pa.ipc.open_file(file).read_all()
            require_equal(path, "rows", shard, table.num_rows)
            batches += table.to_batches()
        chunk_starts = np.cumsum([0] + [batch.num_rows for batch in batches[:-1]])
        chunks = [batch["image"].flatten().to_numpy().reshape(-1, 32 * 32 * 3) for batch in batches]
        labels, ids = (np.concatenate([batch[name].to_numpy() for batch in batches]) for name in ("label", "id"))
        return chunk_starts, chunks, labels, ids

    def __getstate__(self):
        # Another process maps the shards itself: a view of mapped memory would be pickled with all its bytes.
        return {**self.__dict__, "_columns": None}


def read_manifest(path):
    manifest = json.loads(path.read_text("utf8"))
    if manifest["version"] != MANIFEST_VERSION:
        raise ValueError(
            f"{path} must have format version {MANIFEST_VERSION}, got {manifest['version']}. "
            "Use the release of cifar5m that wrote it."
        )
    shards = [shard for name in ("train", "test") for shard in manifest["splits"][name]["shards"]]
    listing = "".join(f"{shard['file']} {shard['sha256']}\n" for shard in shards)
    actual = hashlib.sha256(listing.encode()).hexdigest()
    if manifest["sha256"] != actual:
        raise ValueError(
            f"sha256 of {path} must be that of its shards, {actual[:12]}…, got {manifest['sha256'][:12]}…. "
            "Delete it and publish again to rebuild it."
        )
    return manifest


def require_equal(path, key, shard, seen):
    if seen != shard[key]:
        raise ValueError(
            f"{key} of {path} must be {shard[key]} as in the manifest, got {seen}. Delete it and publish again."
        )
