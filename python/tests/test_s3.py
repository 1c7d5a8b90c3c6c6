"""Data sets in S3."""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from serving import code_of, line_of, open_quickly, serve

from cifar5m import open_dataset
from cifar5m.remote.s3_store import S3Store

FINITE: dict[str, Any] = {"regime": "finite", "num_samples": 40, "batch_size": 9, "seed": 3}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_s3_without_a_client_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    assert code_of(lambda: open_quickly("s3://bucket/prefix")) == "store/no-s3-client"


class ForkUnsafe:
    """A file system that, like that of s3fs, refuses to work in a process that it was forked into."""

    def __init__(self, **_options: Any) -> None:
        # Options depend on the variables of whoever runs the tests.
        self.process_id = os.getpid()

    def open(self, path: str, mode: str, block_size: int) -> Any:
        if os.getpid() != self.process_id:
            raise RuntimeError("This class is not fork-safe")
        return io.BytesIO(path.encode())


class ProfileNotFound(Exception):
    """Named as that of botocore."""


@pytest.mark.parametrize("error", [TypeError("no such option"), ValueError("Invalid endpoint: x."), ProfileNotFound()])
@pytest.mark.parametrize("is_at_once", [True, False])
def test_wrong_settings_of_s3_are_told_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, is_at_once: bool
) -> None:
    num_tries = 0

    def fail(*_: Any, **__: Any) -> Any:
        nonlocal num_tries
        num_tries += 1
        raise error

    # s3fs looks at some options as it is made, at others as it connects.
    made = fail if is_at_once else lambda **_: types.SimpleNamespace(open=fail)
    monkeypatch.setitem(sys.modules, "s3fs", types.SimpleNamespace(S3FileSystem=made))
    line = line_of(lambda: open_quickly("s3://bucket/prefix", s3={"nonsense": 1}))
    assert line.startswith("store/s3-settings: s3://bucket/prefix/manifest.json must be requested with settings that")
    assert num_tries == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_opens_s3_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", types.SimpleNamespace(S3FileSystem=ForkUnsafe))
    store = S3Store("s3://bucket/prefix", {})
    assert b"".join(store.read("a")) == b"bucket/prefix/a"
    context = multiprocessing.get_context("fork")
    results, sender = context.Pipe(duplex=False)

    def read() -> None:
        try:
            sender.send(b"".join(store.read("b")))
        except Exception as error:
            sender.send(repr(error))

    process = context.Process(target=read)
    process.start()
    assert results.recv() == b"bucket/prefix/b"
    process.join(60)


def test_s3(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        torch_parts = pytest.importorskip("cifar5m.torch")
        dataset = open_quickly("s3://bucket/prefix", cache_directory=tmp_path / "other")
        forked = torch_parts.Loader(dataset, **FINITE, num_workers=2, multiprocessing_context="fork", layout="NHWC")
        assert serve(forked) == serve(open_dataset(folder).loader(**FINITE))
    finally:
        server.stop()
