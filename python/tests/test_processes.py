"""Processes and threads that share the cache of fetched shards, or of which one is forked from the other."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from http_folder import serve_folder
from serving import open_quickly

from cifar5m import Dataset, open_dataset
from cifar5m.remote import claim
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

    # Many, or none of them has its turn between the renaming and what follows.
    threads = [threading.Thread(target=make_room) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            file = ShardCache(tmp_path, 0).add(entry, write)
            assert file is not None and file.read(0, entry.bytes) == shard
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_process_forked_while_a_thread_fetches_a_shard_reads_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The download of the thread stalls: the child does not wait for it.
    monkeypatch.setattr(claim, "_STALE_S", 0.2)
    asked, may_answer = threading.Event(), threading.Event()

    def stall_once(handler: Any) -> bool:
        if handler.path.endswith("part-00001.arrow") and not asked.is_set():
            asked.set()
            may_answer.wait(60)
        return False

    with serve_folder(folder, stall_once) as (url, _):
        dataset = open_quickly(url, cache_directory=tmp_path)
        ids = dataset.read(range(30)).ids.tolist()
        thread = threading.Thread(target=lambda: dataset.read([30]))
        thread.start()
        assert asked.wait(60)
        # The thread holds a lock now, which nobody in the child would release.
        child = multiprocessing.get_context("fork").Process(target=require_ids, args=(dataset, ids))
        child.start()
        child.join(60)
        exit_code = child.exitcode
        child.kill()
        may_answer.set()
        thread.join()
    assert exit_code == 0


def require_ids(dataset: Dataset, ids: list[int]) -> None:
    assert dataset.read(range(30)).ids.tolist() == ids
    assert len(dataset.read(range(30, 60)).ids) == 30
