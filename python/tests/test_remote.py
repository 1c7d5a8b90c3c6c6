"""Data sets on servers: real ones, of this machine."""

from __future__ import annotations

import gzip
import os
import pickle
import shutil
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from http_folder import Handler, serve_folder
from serving import code_of, line_of, open_quickly, serve

from cifar5m import Cifar5mError, RemoteOptions, open_dataset
from cifar5m.remote.http_store import HttpStore

pytestmark = pytest.mark.usefixtures("cache")

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "seed": 3}


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
