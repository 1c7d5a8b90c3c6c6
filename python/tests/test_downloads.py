"""Downloads at once: workers fetch each shard once, and nobody waits for a download whose loop was left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from http_folder import Handler, serve_folder
from serving import open_quickly, serve

from cifar5m import Cifar5mError, RemoteOptions, open_dataset
from cifar5m.remote import claim
from cifar5m.remote.claim import take_claim
from cifar5m.remote.shard_cache import ShardCache

FINITE: dict[str, Any] = {"regime": "finite", "batch_size": 9, "seed": 3}


def fetched(seen: list[Any]) -> Counter[str]:
    return Counter(path for path, _ in seen if path.endswith(".arrow"))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.filterwarnings("ignore:This DataLoader will create", "ignore:This process .* is multi-threaded")
@pytest.mark.parametrize("num_workers", [0, 4])
def test_workers_fetch_each_shard_once(folder: Path, tmp_path: Path, num_workers: int) -> None:
    pytest.importorskip("torch")
    from cifar5m.torch import Loader

    with serve_folder(folder) as (url, seen):
        dataset = open_quickly(url, cache_directory=tmp_path)
        served = serve(Loader(dataset, **FINITE, num_workers=num_workers))
    assert served == serve(open_dataset(folder).loader(**FINITE, layout="NCHW"))
    shards = dataset.manifest.splits["train"].shards
    assert fetched(seen) == {f"/{entry.file}": 1 for entry in shards}
    assert sorted(os.listdir(tmp_path / "shards")) == sorted(f"{entry.sha256}.arrow" for entry in shards)


def test_a_claim_is_that_of_one_until_it_is_given_up(tmp_path: Path) -> None:
    path = str(tmp_path / "claim")
    own = take_claim(path)
    assert own is not None and take_claim(path) is None
    own.release()
    assert os.listdir(tmp_path) == []
    again = take_claim(path)
    assert again is not None
    # The claim of before is not theirs who gave it up.
    own.release()
    assert take_claim(path) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="numbers of processes tell nothing there")
def test_a_claim_whose_owner_is_dead_or_silent_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "claim")
    script = f"from cifar5m.remote.claim import take_claim; take_claim({path!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)
    assert os.listdir(tmp_path) == ["claim"]
    held = take_claim(path)
    assert held is not None and take_claim(path) is None
    os.utime(path, (time.time() - 61,) * 2)
    monkeypatch.setattr(claim, "_TOUCHED_EVERY_S", -1)
    held.touch()
    assert take_claim(path) is None
    os.utime(path, (time.time() - 61,) * 2)
    assert take_claim(path) is not None
    # Of another machine, only the time tells.
    Path(path).write_text("elsewhere 1 0123")
    assert take_claim(path) is None


def test_a_shard_is_read_from_the_cache_once_its_owner_has_brought_it(folder: Path, tmp_path: Path) -> None:
    entry = open_dataset(folder).manifest.splits["train"].shards[0]
    cache = ShardCache(tmp_path, 1e9)
    held = cache.claim(entry)
    assert held is not None
    ids: list[int] = []
    with serve_folder(folder) as (url, seen):
        dataset = open_quickly(url, cache_directory=tmp_path)
        thread = threading.Thread(target=lambda: ids.extend(dataset.read([0, 30]).ids.tolist()))
        thread.start()
        # The other shard is not waited for.
        wait_until(lambda: fetched(seen)["/train/part-00001.arrow"] == 1)
        cache.add(entry, lambda sink: sink.write((folder / entry.file).read_bytes()) and None)
        held.release()
        thread.join(60)
    assert ids == open_dataset(folder).read([0, 30]).ids.tolist()
    assert fetched(seen) == {"/train/part-00001.arrow": 1}


@pytest.mark.parametrize("cause", ["error", "interrupt"])
def test_nobody_waits_for_a_download_after_an_error_or_an_interrupt(folder: Path, tmp_path: Path, cause: str) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def trouble(handler: Handler) -> bool:
        if handler.path == "/train/part-00000.arrow":
            asked.set()
            may_answer.wait(60)
            # It sends the first piece, and no more.
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
            with contextlib.suppress(OSError):
                handler.wfile.write(b"x" * 10)
            return True
        if handler.path == "/train/part-00001.arrow":
            asked.wait(60)
            if cause == "interrupt":
                os.kill(os.getpid(), signal.SIGINT)
                may_answer.wait(60)
            handler.send_error(404)
            return True
        return False

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with serve_folder(folder, trouble) as (url, seen):
            dataset = open_dataset(url, remote=RemoteOptions(cache_directory=tmp_path, timeout_s=600))
            with pytest.raises(KeyboardInterrupt if cause == "interrupt" else Cifar5mError) as caught:
                dataset.read([0, 30])
            if cause == "error":
                assert caught.value.code == "store/not-found"
            # The download still waits for its answer. When it gets one, it ends, and tries nothing again.
            assert not may_answer.is_set()
            may_answer.set()
            wait_until(lambda: os.listdir(tmp_path / "shards") == [])
            assert fetched(seen) == {"/train/part-00000.arrow": 1, "/train/part-00001.arrow": 1}
    finally:
        may_answer.set()
        signal.signal(signal.SIGINT, before)
