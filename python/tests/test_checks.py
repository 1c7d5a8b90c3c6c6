"""What is damaged, or not ours, is refused by one line that names it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from make_dataset import (
    describe_shard,
    describe_split,
    make_columns,
    make_dataset,
    make_manifest,
    write_manifest,
    write_shard,
)

from cifar5m import Cifar5mError, open_dataset


def refused(action: Callable[[], Any]) -> Cifar5mError:
    with pytest.raises(Cifar5mError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return caught.value


def read_manifest(folder: Path) -> dict[str, Any]:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["checksum"]
    return manifest


def reseal(folder: Path) -> None:
    """Rewrites the manifest for the shards as they are now."""
    manifest = read_manifest(folder)
    for split in manifest["splits"].values():
        for shard in split["shards"]:
            data = (folder / shard["file"]).read_bytes()
            shard.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    write_manifest(folder, make_manifest(manifest["splits"]))


def read_all(folder: Path, **options: Any) -> Any:
    dataset = open_dataset(folder, **options)
    return dataset.read(range(len(dataset)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        '"text"',
        "{}",
        '{"version": 1}',
        "[" * 200_000,
        '{"a": NaN}',
        "\ufeff{}",
        '{"a": 1e999}',
    ],
)
def test_what_is_no_sealed_json_is_corrupt(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, "utf8")
    assert refused(lambda: open_dataset(tmp_path)).code == "json/corrupt"


def test_bytes_that_are_no_utf8_are_corrupt(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe{}")
    assert refused(lambda: open_dataset(tmp_path)).code == "json/corrupt"


def test_any_changed_byte_of_the_manifest_is_found(tmp_path: Path) -> None:
    path = make_dataset(tmp_path, train=10, test=2) / "manifest.json"
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert refused(lambda: open_dataset(tmp_path)).code == "json/corrupt"
    path.write_bytes(data[:-1])
    assert refused(lambda: open_dataset(tmp_path)).code == "json/corrupt"


def change(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(manifest: dict[str, Any]) -> None:
        *parents, last = key.split(".")
        target: Any = manifest
        for parent in parents:
            target = target[int(parent)] if isinstance(target, list) else target[parent]
        if value is None:
            del target[last]
        else:
            target[last] = value

    return apply


SHARD = "splits.train.shards.0"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", ""),
        ("name", None),
        ("version", "1"),
        ("classNames", "airplane"),
        ("classNames", ["airplane", 3]),
        ("classNames", ["one"]),
        ("imageShape", [32, 32, 1]),
        ("splits", []),
        ("splits.train", None),
        ("splits.test", {"rows": 0}),
        ("splits.train.rows", 99),
        ("splits.train.rows", -1),
        ("splits.train.rows", True),
        ("splits.train.rows", 2**60),
        ("splits.train.classCounts", [10]),
        ("splits.train.shards", {}),
        ("splits.train.shards", [[]]),
        (f"{SHARD}.rows", "30"),
        (f"{SHARD}.rows", 31),
        (f"{SHARD}.rows", 10**9),
        (f"{SHARD}.bytes", 2**31),
        (f"{SHARD}.sha256", "a" * 63),
        (f"{SHARD}.sha256", "b" * 64),
        (f"{SHARD}.idEnd", 5),
        (f"{SHARD}.more", 1),
        (f"{SHARD}.file", "../train/part-00000.arrow"),
        (f"{SHARD}.file", "/etc/passwd.arrow"),
        (f"{SHARD}.file", "train/../../part-00000.arrow"),
        (f"{SHARD}.file", "train/sub/part-00000.arrow"),
        (f"{SHARD}.file", "train\\part-00000.arrow"),
        (f"{SHARD}.file", "train/part-00000.arrow\n"),
        (f"{SHARD}.file", "part-00000.arrow"),
        ("sha256", "c" * 64),
        ("models", {"generator": 3}),
        ("removals", {"why": -1}),
        ("config", 3),
        ("createdBy", None),
        ("createdAt", "today"),
    ],
)
def test_malformed_manifests_are_refused(tmp_path: Path, key: str, value: Any) -> None:
    manifest = read_manifest(make_dataset(tmp_path))
    change(key, value)(manifest)
    write_manifest(tmp_path, manifest)
    assert refused(lambda: open_dataset(tmp_path)).code == "manifest/invalid"


def test_other_versions_are_told_apart(tmp_path: Path) -> None:
    manifest = read_manifest(make_dataset(tmp_path))
    write_manifest(tmp_path, {**manifest, "version": 3})
    assert refused(lambda: open_dataset(tmp_path)).code == "manifest/version-unsupported"


def test_a_folder_without_a_manifest_is_told(tmp_path: Path) -> None:
    assert refused(lambda: open_dataset(tmp_path)).code == "manifest/missing"
    assert refused(lambda: open_dataset(tmp_path / "nothing")).code == "manifest/missing"
    os.mkfifo(tmp_path / "manifest.json")
    assert refused(lambda: open_dataset(tmp_path)).code == "disk/not-a-file"


def rewrite_first_shard(folder: Path, **columns: Any) -> None:
    ids = np.arange(10)
    write_shard(folder / "train/part-00000.arrow", {**make_columns(ids), **columns})
    shard = describe_shard(folder, "train/part-00000.arrow", make_columns(ids))
    splits = {"train": describe_split([shard], ids % 10), "test": describe_split([], ids[:0])}
    write_manifest(folder, make_manifest(splits))


@pytest.mark.parametrize("label", [10, 300, -1, -(2**63), 2**63 - 1])
def test_labels_out_of_range_are_refused(tmp_path: Path, label: int) -> None:
    rewrite_first_shard(tmp_path, label=np.array([0, 1, 2, 3, label, 5, 6, 7, 8, 9]))
    error = refused(lambda: read_all(tmp_path))
    assert error.code == "shard/bad-label"
    assert f"label of row 4 of {tmp_path}" in error.message and f"got {label}." in error.message


@pytest.mark.parametrize("id", [-1, 3, 10, -(2**63), 2**63 - 1])
def test_ids_out_of_range_or_order_are_refused(tmp_path: Path, id: int) -> None:
    rewrite_first_shard(tmp_path, id=np.array([0, 1, 2, 3, id, 5, 6, 7, 8, 9]))
    assert refused(lambda: read_all(tmp_path)).code == "shard/bad-id"


def test_shards_are_compared_with_the_manifest(tmp_path: Path) -> None:
    path = make_dataset(tmp_path) / "train/part-00001.arrow"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"?")
    error = refused(lambda: read_all(tmp_path))
    assert error.code == "shard/hash-mismatch" and str(path) in error.message
    path.write_bytes(data[:-1])
    assert refused(lambda: read_all(tmp_path)).code == "shard/size-mismatch"
    path.unlink()
    assert refused(lambda: read_all(tmp_path)).code == "shard/missing"
    # Of the others, rows can be read.
    assert len(open_dataset(tmp_path).read(range(30)).ids) == 30


def test_hashes_are_compared_once_a_process_and_again_after_a_change(tmp_path: Path) -> None:
    path = make_dataset(tmp_path) / "train/part-00000.arrow"
    read_all(tmp_path)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert refused(lambda: read_all(tmp_path)).code == "shard/hash-mismatch"


def test_verify_false_trusts_the_disk(tmp_path: Path) -> None:
    path = make_dataset(tmp_path) / "train/part-00000.arrow"
    data = bytearray(path.read_bytes())
    at = data.index(open_dataset(tmp_path)[3].image.tobytes())
    data[at] ^= 255
    path.write_bytes(data)
    assert open_dataset(tmp_path, verify=False)[3].image[0, 0, 0] == data[at]


@pytest.mark.parametrize("memory_bytes", [0, 2**28])
def test_a_file_that_is_cut_while_it_is_open_is_an_error(tmp_path: Path, memory_bytes: int) -> None:
    path = make_dataset(tmp_path) / "train/part-00000.arrow"
    dataset = open_dataset(tmp_path, memory_bytes=memory_bytes)
    image = dataset[29].image
    os.truncate(path, 5000)
    if memory_bytes > 0:
        assert (dataset[29].image == image).all()
    else:
        assert refused(lambda: dataset[29]).code == "table/truncated"


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_shards_are_refused(tmp_path: Path, compression: str) -> None:
    make_dataset(tmp_path, train=30)
    # Noise does not shrink: a manifest lists no file that is smaller than its images.
    images = np.random.default_rng(0).integers(0, 256, (30, 3072), np.uint8)
    columns = {**make_columns(np.arange(30)), "image": images}
    options = pa.ipc.IpcWriteOptions(compression=compression)
    write_shard(tmp_path / "train/part-00000.arrow", columns, rows_per_batch=30, options=options)
    reseal(tmp_path)
    assert refused(lambda: read_all(tmp_path)).code == "table/compressed"


def test_shards_with_other_columns_are_refused(tmp_path: Path) -> None:
    make_dataset(tmp_path, train=30)
    path = tmp_path / "train/part-00000.arrow"
    table = pa.ipc.open_file(path.read_bytes()).read_all()
    renamed = table.rename_columns(["id", "image", "target", *table.column_names[3:]])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, renamed.schema) as writer:
        writer.write_table(renamed)
    reseal(tmp_path)
    error = refused(lambda: read_all(tmp_path))
    assert error.code == "table/schema-mismatch"
    assert "must be label: int64, got target: int64" in error.message


def test_nulls_are_refused(tmp_path: Path) -> None:
    make_dataset(tmp_path, train=30)
    path = tmp_path / "train/part-00000.arrow"
    table = pa.ipc.open_file(path.read_bytes()).read_all()
    labels = pa.array([None, *table["label"].to_pylist()[1:]], pa.int64())
    holed = table.set_column(2, "label", labels)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, holed.schema) as writer:
        writer.write_table(holed)
    reseal(tmp_path)
    assert refused(lambda: read_all(tmp_path)).code == "table/has-nulls"


def test_bit_flips_in_the_metadata_are_errors_of_ours(tmp_path: Path) -> None:
    make_dataset(tmp_path, train=10, test=0)
    path = tmp_path / "train/part-00000.arrow"
    data = path.read_bytes()
    image_bytes = {at for row in open_dataset(tmp_path) for at in [data.index(row.image.tobytes())]}
    random = np.random.default_rng(0)
    skipped = set().union(*(range(at, at + 3072) for at in image_bytes))
    places = [at for at in range(len(data)) if at not in skipped]
    for at in random.choice(places, 300, replace=False).tolist():
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << int(random.integers(8))]) + data[at + 1 :])
        try:
            read_all(tmp_path, verify=False)
        except Cifar5mError as error:
            assert error.code.split("/")[0] in ("table", "shard")


def test_text_from_outside_is_escaped_and_cut(tmp_path: Path) -> None:
    manifest = read_manifest(make_dataset(tmp_path))
    manifest["name"] = {"\x1b[31m" + "x" * 100_000: 1}
    write_manifest(tmp_path, manifest)
    line = str(refused(lambda: open_dataset(tmp_path)))
    assert "\x1b" not in line and len(line) < 4000
