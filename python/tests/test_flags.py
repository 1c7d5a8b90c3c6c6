"""Flags of an audit: rows that a filter keeps, and files that are refused. test_typescript compares with TypeScript."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from make_dataset import make_dataset
from serving import line_of

from cifar5m import open_dataset
from cifar5m.canonical_json import seal_json
from cifar5m.flags import FLAG_NAMES

INTEGERS = ("id", "trainIndex", "testIndex", "duplicateOf")
NAMES = ("Index", "Mirrored", "Distance", "SecondDistance")
COLUMNS = ("id", *FLAG_NAMES, *(s + n for s in ("train", "test") for n in NAMES), "duplicateOf")


def dtype_of(name: str) -> type[np.generic]:
    if name in INTEGERS:
        return np.int64
    return np.float32 if name.endswith("Distance") else np.uint8


def has_flag(ids: np.ndarray, flag: str) -> np.ndarray:
    return ids % (FLAG_NAMES.index(flag) + 2) == 0


def all_ids(folder: Path) -> np.ndarray:
    return np.concatenate([open_dataset(folder, split=split)[:].ids for split in ("train", "test")])


def write_flags(folder: Path, ids: np.ndarray | None = None, flag: int | None = None, **wrong: Any) -> None:
    ids = all_ids(folder) if ids is None else ids
    zeros = np.zeros(len(ids))
    values = {name: has_flag(ids, name) if flag is None else zeros + flag for name in FLAG_NAMES}
    columns = {name: {"id": ids, **values}.get(name, zeros) for name in COLUMNS}
    table = pa.table({name: pa.array(columns[name].astype(dtype_of(name))) for name in COLUMNS})
    path = folder / "flags.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=16)
    data = path.read_bytes()
    described = {
        "version": 1,
        "dataset": open_dataset(folder).manifest.sha256,
        "rows": len(ids),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "createdBy": "tests",
    }
    (folder / "flags.json").write_text(seal_json({**described, **wrong}))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_filter_keeps_the_rows_with_those_flags(tmp_path: Path, split: str) -> None:
    dataset = open_dataset(make_dataset(tmp_path / "set"), split=split)
    write_flags(tmp_path / "set")
    ids = dataset[:].ids
    for flag in FLAG_NAMES:
        for wanted in (True, False):
            part = dataset.filter(flags={flag: wanted})
            assert part[:].ids.tolist() == ids[has_flag(ids, flag) == wanted].tolist()
    both = dataset.filter(classes=[1, 2, 3], flags={"leak": False, "nearCopy": True})
    expected = dataset.filter(classes=[1, 2, 3])[:].ids
    assert both[:].ids.tolist() == expected[~has_flag(expected, "leak") & has_flag(expected, "nearCopy")].tolist()
    assert dataset.filter(flags={}).fingerprint == dataset.filter().fingerprint


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("flags/partial", {"rows": 7}),
    ("flags/other-dataset", {"dataset": "0" * 64}),
    ("flags/wrong-table", {"sha256": "0" * 64}),
    ("flags/wrong-table", {"bytes": 12}),
    ("flags/wrong-table", {"flag": 7}),
    ("flags/version-unsupported", {"version": 2}),
    ("flags/invalid", {"extra": 1}),
    ("flags/invalid", {"rows": -1}),
    ("flags/invalid", {"sha256": 5}),
]


@pytest.mark.parametrize(("code", "wrong"), WRONG)
def test_wrong_flags_are_refused_in_one_line(tmp_path: Path, code: str, wrong: dict[str, Any]) -> None:
    dataset = open_dataset(make_dataset(tmp_path / "set"))
    write_flags(tmp_path / "set", **wrong)
    line = line_of(lambda: dataset.filter(flags={"leak": False}))
    assert line.startswith(f"{code}: ")
    assert "\n" not in line


def test_other_ids_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "set")
    dataset = open_dataset(folder)

    def refused() -> str:
        return line_of(lambda: dataset.filter(flags={"leak": False})).split(":")[0]

    assert refused() == "flags/missing"
    ids = all_ids(folder)
    ids[70] = 99_999
    write_flags(folder, ids=ids)
    assert refused() == "flags/wrong-table"
    write_flags(folder, ids=all_ids(folder)[:50], rows=120)
    assert refused() == "flags/wrong-table"
    write_flags(folder)
    data = bytearray((folder / "flags.arrow").read_bytes())
    data[500] ^= 1
    (folder / "flags.arrow").write_bytes(data)
    assert refused() == "flags/wrong-table"
    (folder / "flags.arrow").unlink()
    assert refused() == "disk/missing"
    (folder / "flags.json").write_text("{}")
    assert refused() == "json/corrupt"
    assert line_of(lambda: dataset.filter(flags={"leaks": True})).startswith("dataset/unknown-flag: ")
    assert line_of(lambda: dataset.filter(flags={"leak": 1})).startswith("dataset/out-of-range: ")  # type: ignore[dict-item]
