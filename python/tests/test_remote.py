"""Data sets on servers: real ones, of this machine."""

from __future__ import annotations

import gzip
import http.server
import os
import pickle
import shutil
import threading
import time
import urllib.parse
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from make_dataset import make_dataset
from serving import code_of, line_of, open_quickly, serve

from cifar5m import Cifar5mError, RemoteOptions, open_dataset, shard
from cifar5m.manifest import ShardEntry
from cifar5m.positioned_file import PositionedFile
from cifar5m.remote import remote_source, shard_cache
from cifar5m.remote.http_store import HttpStore
from cifar5m.shard import hash_file

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "seed": 3}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `trouble` may answer in its stead."""

    trouble: Callable[[Handler], bool] = staticmethod(lambda handler: False)
    seen: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        if not self.trouble(self):
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve_folder(folder: Path, trouble: Callable[[Handler], bool] | None = None) -> Iterator[tuple[str, list[Any]]]:
    seen: list[Any] = []

    class OwnHandler(Handler):
        pass

    OwnHandler.seen = seen
    if trouble is not None:
        OwnHandler.trouble = staticmethod(trouble)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: OwnHandler(*args, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remote_source, "_FIRST_DELAY_S", 0.01)
    return tmp_path / "cache/cifar5m/shards"


def test_a_served_set_gives_the_batches_and_states_of_the_folder(folder: Path, cache: Path) -> None:
    local = open_dataset(folder).loader(**FINITE)
    with serve_folder(folder) as (url, seen):
        dataset = open_dataset(url + "/")
        assert [path for path, _ in seen] == ["/manifest.json"]
        loader = dataset.loader(**FINITE)
        assert [serve(loader), serve(loader)] == [serve(local), serve(local)]
        assert loader.state_dict() == local.state_dict()
        entries = dataset.manifest.splits["train"].shards
        assert sorted(os.listdir(cache)) == sorted(f"{entry.sha256}.arrow" for entry in entries)
        assert pickle.loads(pickle.dumps(dataset))[5].id == dataset[5].id
        # A second data set finds all of it in the cache.
        count = len(seen)
        serve(open_dataset(url).loader(**FINITE))
        assert len(seen) == count + 1


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


def test_wrong_bytes_never_get_a_name(folder: Path, cache: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    for path in (broken / "train").iterdir():
        data = bytearray(path.read_bytes())
        data[2000] ^= 1
        path.write_bytes(data)
    with serve_folder(broken) as (url, _):
        dataset = open_quickly(url)
        assert code_of(lambda: dataset[0]) == "store/wrong-content"
    assert os.listdir(cache) == []


def test_failures_that_pass_are_tried_again(folder: Path) -> None:
    failures = {"/manifest.json": 1, "/train/part-00000.arrow": 2}

    def trouble(handler: Handler) -> bool:
        left = failures.get(handler.path, 0)
        failures[handler.path] = left - 1
        if left == 2:
            # A connection that breaks in the middle.
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
            handler.wfile.write(b"x" * 10)
            return True
        if left == 1:
            handler.send_error(503)
        return left == 1

    with serve_folder(folder, trouble) as (url, _):
        assert open_quickly(url)[0].id == open_dataset(folder)[0].id


def test_a_store_travels_to_another_process_before_and_after_it_was_read_from(folder: Path) -> None:
    with serve_folder(folder) as (url, _):
        store = HttpStore(url, {"X-Api-Key": "k"}, 5)
        for _ in range(2):
            # What urllib keeps holds a context of ssl, which newer releases of Python refuse to pickle.
            assert store.__getstate__()["_opener"] is None
            store = pickle.loads(pickle.dumps(store))
            assert b"".join(store.read("manifest.json")) == (folder / "manifest.json").read_bytes()
    assert pickle.loads(pickle.dumps(HttpStore("https://host/set", {}, 5))).location == "https://host/set"


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_download_that_is_cut_goes_on_where_it_ended(folder: Path, knows_ranges: bool) -> None:
    data = (folder / "train/part-00000.arrow").read_bytes()
    num_sent = 0

    def trouble(handler: Handler) -> bool:
        nonlocal num_sent
        if handler.path != "/train/part-00000.arrow":
            return False
        first = int(handler.headers.get("Range", "bytes=0-")[6:-1]) if knows_ranges else 0
        handler.send_response(206 if first > 0 else 200)
        handler.send_header("Content-Length", str(len(data) - first))
        handler.end_headers()
        # Seven cuts, and three tries.
        until = num_sent + len(data) // 8 + 1
        handler.wfile.write(data[first:until])
        num_sent = min(until, len(data))
        handler.close_connection = True
        return True

    with serve_folder(folder, trouble) as (url, seen):
        assert open_quickly(url)[0].id == open_dataset(folder)[0].id
    ranges = [headers.get("range") for path, headers in seen if path.startswith("/train/")]
    assert ranges == [None, *(f"bytes={count * (len(data) // 8 + 1)}-" for count in range(1, 8))]


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "store/not-found"), (403, "store/forbidden"), (400, "store/refused"), (500, "store/unreachable")],
)
def test_refusals_name_the_address_without_secrets(folder: Path, status: int, code: str) -> None:
    def trouble(handler: Handler) -> bool:
        handler.send_error(status)
        return True

    with serve_folder(folder, trouble) as (url, _):
        secret = url.replace("http://", "http://user:pass%40word@") + "/x?key=hidden"
        with pytest.raises(Cifar5mError) as caught:
            open_quickly(secret)
    assert caught.value.code == code
    assert f"{url}/x/manifest.json" in caught.value.message
    assert not any(word in str(caught.value) for word in ("word", "hidden", "user"))


@pytest.mark.parametrize("wrong", ["", "/", "/train", "/manifest.json"])
def test_an_address_without_a_manifest_says_where_one_is(folder: Path, wrong: str) -> None:
    with serve_folder(folder.parent if wrong in ("", "/") else folder) as (url, _):
        line = line_of(lambda: open_quickly(url + wrong))
    assert line == (
        f"store/not-found: {url}{wrong.rstrip('/')}/manifest.json must exist, and does not. "
        "Give the address of the folder that holds manifest.json: of `cifar5m serve` it ends in /dataset."
    )


def test_nobody_there_is_told() -> None:
    assert code_of(lambda: open_quickly("http://127.0.0.1:9/x")) == "store/unreachable"


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


@pytest.mark.parametrize("name", ["a b", "für", "50%25", "a[1]"])
def test_addresses_are_encoded_as_browsers_do(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(folder, tmp_path / "www" / urllib.parse.unquote(name))
    with serve_folder(tmp_path / "www") as (url, seen):
        dataset = open_quickly(f"{url}/{name}?key=ä b%20c")
        assert dataset[0].id == open_dataset(folder)[0].id
    assert {path.partition("?")[2] for path, _ in seen} == {"key=%C3%A4%20b%20c"}
    assert code_of(lambda: open_quickly("http://127.0.0.1:9/x y")) == "store/unreachable"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"timeout_s": 0}, "timeout_s must be a number in [0.001, 2147483], got 0."),
        ({"timeout_s": float("nan")}, "timeout_s must be a number in [0.001, 2147483], got nan."),
        ({"tries": 0}, "tries must be an integer in [1, 100], got 0."),
        ({"tries": 1.5}, "tries must be an integer in [1, 100], got 1.5."),
        ({"max_requests": 0}, "max_requests must be an integer in [1, 256], got 0."),
        ({"cache_bytes": -1}, "cache_bytes must be a number in [0, inf], got -1."),
        ({"cache_directory": 3}, "cache_directory must be a folder, got 3."),
        ({"headers": "x"}, "headers must be a mapping, got 'str'."),
        ({"headers": {"X-Api-Key": 3}}, "headers must be names and values that are text, got 'str and int'."),
        ({"s3": None}, "s3 must be a mapping, got 'NoneType'."),
    ],
)
def test_remote_options_out_of_range_are_refused(options: dict[str, Any], line: str) -> None:
    assert line_of(lambda: RemoteOptions(**options)).startswith(f"store/out-of-range: {line} ")


@pytest.mark.parametrize("name", ["manifest.json", "flags.json"])
def test_a_page_in_the_place_of_json_is_told(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(folder, tmp_path / "www")
    (tmp_path / "www" / name).write_text("\ufeff\n<!doctype html><title>Log in</title>", "utf8")
    with serve_folder(tmp_path / "www") as (url, _):
        line = line_of(lambda: open_quickly(url).filter(flags={"leak": False}))
    assert line.startswith(f"store/wrong-content: {url}/{name} must be the ")
    assert "but it is an HTML or XML page of 40 bytes." in line


def test_a_server_that_compresses_is_told(folder: Path) -> None:
    def compress(handler: Handler) -> bool:
        data = gzip.compress((folder / handler.path[1:]).read_bytes())
        handler.send_response(200)
        handler.send_header("Content-Encoding", "GZIP")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
        return True

    with serve_folder(folder, compress) as (url, seen):
        line = line_of(lambda: open_quickly(url))
    assert line == (
        f"store/wrong-content: {url}/manifest.json must be sent as it is, it comes with Content-Encoding gzip. "
        "Switch compression off on the server."
    )
    assert len(seen) == 1
