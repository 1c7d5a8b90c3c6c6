"""Shards whose bytes are as listed and whose content is not, and a manifest that lists what its files cannot hold."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from make_dataset import make_dataset, make_manifest, write_manifest
from test_checks import read_all, read_manifest, refused, reseal

from cifar5m import Cifar5mError, open_dataset, row_store


def list_rows(folder: Path, rows: int, **shard: Any) -> None:
    """Lets the manifest list other rows in the one shard of a split; all sums follow."""
    manifest = read_manifest(folder)
    split = manifest["splits"]["train"]
    split["shards"][0].update(rows=rows, **shard)
    split["classCounts"][0] += rows - split["rows"]
    split["rows"] = rows
    write_manifest(folder, make_manifest(manifest["splits"]))


@pytest.mark.parametrize("rows", [99, 101])
@pytest.mark.parametrize("memory_bytes", [0, 2**28])
def test_a_shard_of_other_rows_than_listed_is_refused(tmp_path: Path, rows: int, memory_bytes: int) -> None:
    list_rows(make_dataset(tmp_path, rows_per_shard=100), rows)
    error = refused(lambda: read_all(tmp_path, memory_bytes=memory_bytes))
    assert error.code == "shard/rows-mismatch" and f"holds 100 rows, the manifest says {rows}" in error.message


@pytest.mark.parametrize(
    "shard",
    [
        # Ids for all of them, and no bytes: memory would be set aside for rows that are not there.
        {"rows": 200, "idEnd": 1000},
        {"rows": 10**12, "idEnd": 10**13},
        # Bytes for all of them, and no ids.
        {"rows": 100, "bytes": 2**30, "idStart": 0, "idEnd": 99},
    ],
    ids=str,
)
def test_rows_that_bytes_or_ids_cannot_hold_are_refused(tmp_path: Path, shard: dict[str, int]) -> None:
    list_rows(make_dataset(tmp_path, rows_per_shard=100), **shard)
    error = refused(lambda: open_dataset(tmp_path))
    assert error.code == "manifest/invalid" and f"cannot hold {shard['rows']} rows" in error.message


def damage(folder: Path, change: Callable[[bytearray], None]) -> None:
    """Makes a data set of one shard of 30 rows in one record batch, changes its bytes and lists their hash."""
    path = make_dataset(folder, train=30, test=0, rows_per_batch=30) / "train/part-00000.arrow"
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    reseal(folder)


# Bytes of the values of a column of 30 rows.
IMAGE_BYTES, PROBABILITY_BYTES = 30 * 3072, 30 * 10 * 4


@pytest.mark.parametrize("values", [IMAGE_BYTES, PROBABILITY_BYTES])
@pytest.mark.parametrize(
    ("key", "value"), [("bytes", -1), ("bytes", -(2**40)), ("offset", -(2**40)), ("offset", 2**17), ("offset", 2**40)]
)
def test_values_that_are_fewer_than_rows_or_not_in_the_file_are_refused(
    tmp_path: Path, values: int, key: str, value: int
) -> None:
    def change(data: bytearray) -> None:
        # A buffer of the metadata: offset in the body, and length. Numbers of items follow a number of nulls, 0.
        pairs = ((at, *struct.unpack_from("<qq", data, at)) for at in range(8, 2000, 8))
        ((at, offset, num_bytes),) = (pair for pair in pairs if pair[1] > 0 and pair[2] == values)
        moved = (offset + value, num_bytes) if key == "offset" else (offset, num_bytes + value)
        struct.pack_into("<qq", data, at, *moved)

    damage(tmp_path, change)
    error = refused(lambda: read_all(tmp_path))
    assert error.code == "table/corrupt" and "has fewer values than its 30 rows" in error.message


def test_a_message_that_is_no_record_batch_is_refused(tmp_path: Path) -> None:
    damage(tmp_path, lambda data: None)
    path = tmp_path / "train/part-00000.arrow"
    data = path.read_bytes()
    lines = []
    # The kind of the message is one of the bytes that are 3, for a record batch; 2 is a dictionary.
    for at in range(data.index(open_dataset(tmp_path)[0].image.tobytes())):
        if data[at] == 3:
            path.write_bytes(data[:at] + b"\2" + data[at + 1 :])
            try:
                read_all(tmp_path, verify=False)
            except Cifar5mError as error:
                lines.append(str(error))
    assert any(line.startswith("table/corrupt: ") and "is not a record batch" in line for line in lines)


@pytest.mark.parametrize(
    ("at", "data", "code"),
    [
        (0, b"ARROW2", "table/corrupt"),
        (-6, b"ARROW2", "table/truncated"),
        (-10, struct.pack("<i", 0), "table/corrupt"),
        (-10, struct.pack("<i", -1), "table/corrupt"),
        (-10, struct.pack("<i", 2**31 - 1), "table/corrupt"),
        (-10, struct.pack("<i", 8), "table/corrupt"),
    ],
)
def test_files_that_are_no_arrow_files_are_refused(tmp_path: Path, at: int, data: bytes, code: str) -> None:
    def change(whole: bytearray) -> None:
        start = at % len(whole)
        whole[start : start + len(data)] = data

    damage(tmp_path, change)
    assert refused(lambda: read_all(tmp_path)).code == code


def test_columns_that_no_shard_has_are_refused(folder: Path) -> None:
    error = refused(lambda: open_dataset(folder).read_column("weight", [0]))
    assert error.code == "dataset/unknown-column" and "got 'weight'" in error.message


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
def test_no_more_files_stay_open_than_are_allowed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_store, "_MAX_OPEN_FILES", 2)
    dataset = open_dataset(folder, memory_bytes=0)
    expected = open_dataset(folder).read(range(100))
    for row in (0, 99, 31, 61, 0, 95):
        assert (dataset[row].image == expected.images[row]).all()
        assert num_open_files(folder) <= 2
    assert num_open_files(folder) == 2


def test_sets_of_more_shards_than_files_may_be_open_are_read(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    make_dataset(tmp_path, train=300, test=300, rows_per_shard=3)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (120, hard))
    try:
        train = open_dataset(tmp_path, memory_bytes=0)
        for part in (train, train.splits["test"], open_dataset(tmp_path, memory_bytes=0)):
            assert len(part.read(range(300)).images) == 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list open files")
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("folder", "disk/is-a-folder"),
        ("pipe", "disk/not-a-file"),
        ("circle of links", "disk/failed"),
        ("file in a file", "disk/not-a-folder"),
    ],
)
def test_what_is_no_file_is_refused_and_closed(tmp_path: Path, kind: str, code: str) -> None:
    path = make_dataset(tmp_path) / "train/part-00000.arrow"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "circle of links":
        path.symlink_to(path)
    else:
        shutil.rmtree(path.parent)
        path.parent.write_bytes(b"")
    dataset = open_dataset(tmp_path)
    for _ in range(3):
        assert refused(lambda: dataset[0]).code == code
    assert num_open_files(tmp_path) == 0


def num_open_files(folder: Path) -> int:
    names = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    # The listing itself was a file.
    return sum(os.readlink(name).startswith(str(folder)) for name in names if os.path.exists(name))
