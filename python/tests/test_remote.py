"""Data sets on servers: real ones, of this machine."""

from __future__ import annotations

import http.server
import os
import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import code_of, serve

from cifar5m import Cifar5mError, Dataset, RemoteOptions, open_dataset
from cifar5m.remote import remote_source

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "seed": 3}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `trouble` may answer in its stead."""

    trouble: Callable[[Handler], bool] = staticmethod(lambda handler: False)
    seen: list[tuple[str, dict[str, str]]] = []

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


def open_quickly(url: str, **options: Any) -> Dataset:
    return open_dataset(url, remote=RemoteOptions(tries=3, timeout_s=5, **options))


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


def test_nobody_there_is_told() -> None:
    assert code_of(lambda: open_quickly("http://127.0.0.1:9/x")) == "store/unreachable"


def test_headers_reach_the_server_and_no_other(folder: Path) -> None:
    with serve_folder(folder) as (other, seen_by_other):

        def redirect(handler: Handler) -> bool:
            if "arrow" not in handler.path:
                return False
            handler.send_response(302)
            handler.send_header("Location", other + handler.path)
            handler.end_headers()
            return True

        with serve_folder(folder, redirect) as (url, seen):
            dataset = open_quickly(url.replace("http://", "http://me:secret@"), headers={"X-Api-Key": "k"})
            dataset[0]
    assert all(headers["x-api-key"] == "k" and headers["authorization"] == "Basic bWU6c2VjcmV0" for _, headers in seen)
    assert seen_by_other and all(
        "x-api-key" not in headers and "authorization" not in headers for _, headers in seen_by_other
    )


def test_the_cache_is_kept_below_its_limit(folder: Path, cache: Path) -> None:
    with serve_folder(folder) as (url, _):
        dataset = open_quickly(url, cache_bytes=1)
        expected = open_dataset(folder)
        assert dataset.read(range(100)).ids.tolist() == expected.read(range(100)).ids.tolist()
    assert list(cache.iterdir()) == []


def test_the_cache_directory_can_be_chosen(folder: Path, tmp_path: Path, cache: Path) -> None:
    with serve_folder(folder) as (url, _):
        open_quickly(url, cache_directory=tmp_path / "own")[0]
    assert len(list((tmp_path / "own/shards").iterdir())) == 1 and not cache.exists()


def test_s3(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    moto_server = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    for name, value in (("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    try:
        server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
    except ImportError as error:
        pytest.skip(f"moto has no server: {error}")
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        for path in folder.rglob("*.*"):
            client.upload_file(str(path), "bucket", f"prefix/{path.relative_to(folder).as_posix()}")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
        loader, local = (open_dataset(where).loader(**FINITE) for where in ("s3://bucket/prefix", folder))
        assert serve(loader) == serve(local)
        assert code_of(lambda: open_quickly("s3://bucket/nothing")) == "store/not-found"
    finally:
        server.stop()
