"""The cache of shards of data sets on servers."""

from __future__ import annotations

import os
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
from http_folder import Handler, serve_folder
from make_dataset import make_dataset
from serving import line_of, open_quickly, serve

from cifar5m import open_dataset, shard
from cifar5m.manifest import ShardEntry
from cifar5m.positioned_file import PositionedFile
from cifar5m.remote import remote_source, shard_cache
from cifar5m.shard import hash_file

pytestmark = pytest.mark.usefixtures("cache")

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "seed": 3}


def test_a_changed_file_of_the_cache_is_fetched_again(folder: Path, cache: Path) -> None:
    with serve_folder(folder) as (url, _):
        expected = serve(open_quickly(url).loader(**FINITE))
        for path in cache.iterdir():
            data = bytearray(path.read_bytes())
            data[2000] ^= 1
            path.write_bytes(data)
        assert serve(open_quickly(url).loader(**FINITE)) == expected
        for path in cache.iterdir():
            os.truncate(path, 10)
        assert serve(open_quickly(url).loader(**FINITE)) == expected


def test_the_cache_is_kept_below_its_limit(folder: Path, cache: Path) -> None:
    with serve_folder(folder) as (url, _):
        dataset = open_quickly(url, cache_bytes=1)
        expected = open_dataset(folder)
        assert dataset.read(range(100)).ids.tolist() == expected.read(range(100)).ids.tolist()
    assert list(cache.iterdir()) == []


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_shards_are_cached_where_open_files_cannot_be_renamed(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def replace_closed(source: str, target: str) -> None:
        """As on Windows."""
        for name in os.listdir("/proc/self/fd"):
            if os.path.realpath(f"/proc/self/fd/{name}") in (os.path.realpath(source), os.path.realpath(target)):
                raise PermissionError(13, "The process cannot access the file", source)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_closed)
    monkeypatch.setattr(shard_cache, "_CAN_RENAME_OPEN_FILES", False)
    with serve_folder(folder) as (url, _):
        dataset = open_quickly(url)
        assert dataset.read(range(100)).ids.tolist() == open_dataset(folder).read(range(100)).ids.tolist()
        # Another one fetches the shard while this one has it open under its name.
        entry = dataset.manifest.splits["train"].shards[0]
        data = (folder / entry.file).read_bytes()
        file = shard_cache.ShardCache(None, 1e9).add(entry, lambda sink: sink.write(data) and None)
        assert file is not None and file.read(0, entry.bytes) == data
    assert len(list(cache.iterdir())) == 4


def test_the_cache_directory_can_be_chosen(folder: Path, tmp_path: Path, cache: Path) -> None:
    with serve_folder(folder) as (url, _):
        open_quickly(url, cache_directory=tmp_path / "own")[0]
    assert len(list((tmp_path / "own/shards").iterdir())) == 1 and not cache.exists()


@pytest.mark.parametrize("age_s", [0, 7200])
def test_shards_of_the_cache_are_hashed_once_and_touched_once_an_hour(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, age_s: int
) -> None:
    hashed: list[str] = []

    def note(file: PositionedFile) -> str:
        hashed.append(file.path)
        return hash_file(file)

    for module in (shard, shard_cache):
        monkeypatch.setattr(module, "hash_file", note)
    with serve_folder(folder) as (url, _):
        open_quickly(url).read(range(100))
        assert len(hashed) == 4
        for path in cache.iterdir():
            os.utime(path, (time.time() - age_s,) * 2)
        # Another process, or a hand, has changed their times: they are hashed once more.
        open_quickly(url).read(range(100))
        times = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
        assert len(hashed) == 8 and min(times.values()) > (time.time() - 3600) * 1e9
        num_known = len(shard._checked)
        for _ in range(3):
            open_quickly(url).read(range(100))
        assert len(hashed) == 8 and len(shard._checked) == num_known
        assert times == {path: path.stat().st_mtime_ns for path in cache.iterdir()}


def test_fetching_many_shards_holds_few_files_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[weakref.ref[PositionedFile]] = []
    numbers: list[int] = []
    fetch = remote_source.RemoteSource._fetch

    def note(source: remote_source.RemoteSource, entry: ShardEntry, *more: Any) -> PositionedFile:
        numbers.append(sum(file() is not None for file in files))
        file = fetch(source, entry, *more)
        files.append(weakref.ref(file))
        return file

    monkeypatch.setattr(remote_source.RemoteSource, "_fetch", note)
    with serve_folder(make_dataset(tmp_path / "many", train=300, rows_per_shard=1)) as (url, _):
        open_quickly(url, max_requests=2).read(range(300))
    assert len(files) == 300 and max(numbers) <= 128 + 32 + 2


def test_a_filter_fetches_several_shards_at_once_and_each_once_even_with_a_small_cache(folder: Path) -> None:
    # Two requests must be there at the same time, or both are refused.
    pair = threading.Barrier(2, timeout=20)

    def wait_for_another(handler: Handler) -> bool:
        if handler.path.endswith(".arrow"):
            pair.wait()
        return False

    expected = open_dataset(folder).filter(classes=["cat", "dog"], min_confidence=0.5)
    with serve_folder(folder, wait_for_another) as (url, seen):
        filtered = open_quickly(url, cache_bytes=1, max_requests=2).filter(classes=["cat", "dog"], min_confidence=0.5)
        assert len(filtered) == len(expected) and filtered.fingerprint == expected.fingerprint
        shards = [path for path, _ in seen if path.endswith(".arrow")]
        assert len(shards) == 4 and len(set(shards)) == 4


def test_the_cache_is_in_a_folder_of_this_machine(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serve_folder(folder) as (url, _):
        for address in ("s3://bucket/cache", "https://user:secret@host/cache"):
            line = line_of(lambda address=address: open_quickly(url, cache_directory=address))
            assert line.startswith("store/bad-location: cache_directory must be a folder on this machine, got ")
            assert "secret" not in line
        assert list(tmp_path.iterdir()) == []
        open_quickly(url, cache_directory=(tmp_path / "a b").as_uri())[0]
    assert len(list(tmp_path.glob("a b/shards/*.arrow"))) == 1 and len(list(tmp_path.iterdir())) == 1


def test_a_connection_that_breaks_after_the_last_byte_is_no_failure(folder: Path, cache: Path) -> None:
    def send_all_and_break(handler: Handler) -> bool:
        if not handler.path.endswith(".arrow"):
            return False
        if "Range" in handler.headers:
            handler.send_error(416)
        else:
            data = (folder / handler.path[1:]).read_bytes()
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data) + 1))
            handler.end_headers()
            handler.wfile.write(data)
        return True

    with serve_folder(folder, send_all_and_break) as (url, _):
        assert open_quickly(url)[0].id == open_dataset(folder)[0].id
    assert len(list(cache.iterdir())) == 1
