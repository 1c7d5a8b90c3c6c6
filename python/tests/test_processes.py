"""Processes and threads that share the cache of fetched shards."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import BinaryIO

from cifar5m import open_dataset
from cifar5m.remote.shard_cache import ShardCache


def test_a_shard_that_another_process_removes_at_once_is_served(folder: Path, tmp_path: Path) -> None:
    entry = open_dataset(folder).manifest.splits["train"].shards[0]
    shard = (folder / entry.file).read_bytes()
    path = tmp_path / "shards" / f"{entry.sha256}.arrow"
    is_over = threading.Event()

    def make_room() -> None:
        while not is_over.is_set():
            with contextlib.suppress(OSError):
                os.unlink(path)

    def write(sink: BinaryIO) -> None:
        sink.write(shard)

    thread = threading.Thread(target=make_room)
    thread.start()
    try:
        for _ in range(100):
            file = ShardCache(tmp_path, 0).add(entry, write)
            assert file is not None and file.read(0, entry.bytes) == shard
    finally:
        is_over.set()
        thread.join()
