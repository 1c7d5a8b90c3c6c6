"""Opening, random access and filters."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any, cast, get_type_hints

import numpy as np
import pytest
from make_dataset import CLASS_NAMES, make_columns, make_dataset, make_manifest, write_manifest
from serving import code_of, line_of

from cifar5m import Cifar5mError, Dataset, NoSuchRowError, RemoteOptions, ids_and_labels, open_dataset
from cifar5m.canonical_json import canonical_json, unseal_json
from cifar5m.folder import FolderSource
from cifar5m.manifest import ShardEntry
from cifar5m.opening import require_dataset
from cifar5m.row_store import RowStore

IDS = np.array([id for id in range(200) if id % 7 != 3])[:100]
COLUMNS = make_columns(IDS)


@pytest.mark.parametrize("memory_bytes", [0, 2**28])
def test_rows_are_those_that_were_written(folder: Path, memory_bytes: int) -> None:
    dataset = open_dataset(folder, memory_bytes=memory_bytes)
    assert len(dataset) == 100 and dataset.class_names == tuple(CLASS_NAMES)
    rows = np.random.default_rng(0).integers(-100, 100, 500)
    images, labels, ids = dataset.read(rows)
    assert (images.dtype, images.shape) == (np.uint8, (500, 32, 32, 3))
    assert (labels.dtype, ids.dtype) == (np.int64, np.int64)
    assert (images.reshape(-1, 3072) == COLUMNS["image"][rows]).all()
    assert (labels == COLUMNS["label"][rows]).all() and (ids == COLUMNS["id"][rows]).all()
    for name in ("class", "confidence", "probabilities"):
        values = dataset.read_column(name, rows)
        assert values.dtype == COLUMNS[name].dtype and (values == COLUMNS[name][rows]).all()


def test_one_row_by_any_integer(folder: Path) -> None:
    dataset = open_dataset(folder)
    for index in (7, np.int32(7), np.uint8(7), np.int64(-93), -93):
        image, label, id = dataset[index]
        assert (image.reshape(-1) == COLUMNS["image"][7]).all()
        assert (label, id) == (COLUMNS["label"][7], IDS[7]) and type(label) is int and type(id) is int
    assert dataset[10:20:3].ids.tolist() == IDS[10:20:3].tolist()
    assert dataset[[1, 5]].ids.tolist() == IDS[[1, 5]].tolist()
    assert dataset[[]].images.shape == (0, 32, 32, 3)
    assert [sample.id for sample in dataset] == IDS.tolist()


@pytest.mark.parametrize("index", [100, -101, 2**70, [0, 100], 1.5, [1.5], "3", [[1]]])
def test_rows_that_are_not_there_are_refused(folder: Path, index: object) -> None:
    with pytest.raises((NoSuchRowError, OverflowError)) as caught:
        open_dataset(folder)[index]  # type: ignore[call-overload]
    assert isinstance(caught.value, IndexError) and caught.value.code == "dataset/no-such-row"


def test_a_relative_path_outlives_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    datasets = [open_dataset("data"), open_dataset(Path("data")), open_dataset("file:data")]
    monkeypatch.chdir("/")
    for dataset in datasets:
        assert dataset[0].id == IDS[0]
        assert pickle.loads(pickle.dumps(dataset))[99].id == IDS[99]


def test_home_folders_and_file_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(tmp_path / "my data")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_dataset("~/my data")[0].id == IDS[0]
    url = (tmp_path / "my data").as_uri()
    assert url.endswith("my%20data")
    for same in (url, url.replace("file://", "file://localhost"), url.replace("file://", "FILE:")):
        assert open_dataset(same).location == str(tmp_path / "my data")


@pytest.mark.parametrize(
    "location",
    [
        *("", "  ", "ftp://host/x", "https//host/x", "S3://bucket", "s3://bucket/a#b", 3, b"x"),
        *("file:", "file://", "file://server/share", "file://me@localhost/x", "file://[x/y", "file:///a%00b"),
    ],
)
def test_locations_that_nothing_reads_are_refused(location: object) -> None:
    with pytest.raises(Cifar5mError) as caught:
        open_dataset(location)  # type: ignore[arg-type]
    assert caught.value.code == "store/bad-location"


def test_splits(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 100, "test": 20}
    assert dataset.splits["test"].fingerprint == open_dataset(folder, split="test").fingerprint
    with pytest.raises(Cifar5mError, match="dataset/unknown-split: split must be one of train, test, got 'valid'"):
        open_dataset(folder, split="valid")


@pytest.mark.parametrize("memory_bytes", ["1GB", None, -1, float("nan"), True])
def test_memory_is_a_number_of_bytes(folder: Path, memory_bytes: object) -> None:
    with pytest.raises(Cifar5mError, match="dataset/out-of-range: memory_bytes must be a number in"):
        open_dataset(folder, memory_bytes=memory_bytes)  # type: ignore[arg-type]
    assert len(open_dataset(folder, memory_bytes=float("inf"))) == 100


def test_filters(folder: Path) -> None:
    dataset = open_dataset(folder)
    kept = dataset.filter(classes=["cat", np.int64(5)], min_confidence=0.75)
    wanted = np.isin(COLUMNS["label"], [3, 5]) & (COLUMNS["confidence"].astype(float) >= 0.75)
    assert [sample.id for sample in kept] == IDS[wanted].tolist()
    assert kept.filter(classes="cat").read([0]).labels.tolist() == [3]
    assert kept.filter(min_confidence=0.9).fingerprint.count("-") == 3
    assert len(pickle.loads(pickle.dumps(kept))) == len(kept)
    loader = kept.loader(regime="infinite", batch_size=2)
    assert set(next(iter(loader)).labels.tolist()) <= {3, 5}
    for options, code in [
        ({"classes": ["cow"]}, "dataset/unknown-class"),
        ({"classes": [10]}, "dataset/unknown-class"),
        ({"min_confidence": 1.2}, "dataset/out-of-range"),
        ({"min_confidence": float("nan")}, "dataset/out-of-range"),
    ]:
        with pytest.raises(Cifar5mError) as caught:
            dataset.filter(**options)  # type: ignore[arg-type]
        assert caught.value.code == code


def test_an_empty_split_has_no_batches(tmp_path: Path) -> None:
    dataset = open_dataset(make_dataset(tmp_path, train=10, test=0), split="test")
    assert len(dataset) == 0 and list(dataset) == []
    with pytest.raises(Cifar5mError, match=r"loader/empty-split: .* it holds 0\. Build more shards, or filter less\."):
        dataset.loader(regime="infinite", batch_size=1)


def test_numbers_are_written_as_ecmascript_does() -> None:
    numbers = [
        0,
        -0.0,
        1,
        1.0,
        0.1,
        1e21,
        1e20,
        123456789012345680000,
        1e-6,
        1e-7,
        1.5e-10,
        2**53,
        1.7976931348623157e308,
        5e-324,
    ]
    assert canonical_json(numbers) == (
        "[0,0,1,1,0.1,1e+21,100000000000000000000,123456789012345680000,0.000001,1e-7,1.5e-10,9007199254740992,"
        "1.7976931348623157e+308,5e-324]"
    )
    assert (
        canonical_json({"b": 1, "10": 2, "9": 3, "a": "é\u2028\ud800\x01"})
        == '{"9":3,"10":2,"a":"é\u2028\\ud800\\u0001","b":1}'
    )


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(Cifar5mError, match="a number must be finite, got nan") as caught:
        canonical_json({"a": [float("nan")]})
    assert caught.value.code == "json/not-representable"
    with pytest.raises(Cifar5mError, match=r"a\.json must be JSON, and is not") as caught:
        unseal_json(b'{"a": 1e999}', "a.json")
    assert caught.value.code == "json/corrupt"


def test_nothing_is_written_beside_the_data(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    before = sorted(path for path in tmp_path.rglob("*"))
    os.chmod(tmp_path, 0o555)
    try:
        list(open_dataset(tmp_path).loader(regime="finite", batch_size=10))
    finally:
        os.chmod(tmp_path, 0o755)
    assert sorted(tmp_path.rglob("*")) == before


def test_opening_takes_no_memory_for_rows_that_nobody_reads() -> None:
    entry = ShardEntry("train/part-00000.arrow", 10**15, 2**31 - 1, "0" * 64, 0, 2**53 - 1)
    source: Any = None
    assert RowStore(source, (entry,), 10, memory_bytes=2**28).num_rows == 10**15


def test_ids_and_labels_are_kept_in_any_order_of_opening(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids_and_labels, "_FIRST_ROWS", 1)
    dataset = open_dataset(folder)
    for rows in ([95, 91], [3], [35, 99, 0], range(100)):
        _, labels, ids = dataset.read(rows)
        assert ids.tolist() == IDS[rows].tolist() and labels.tolist() == COLUMNS["label"][rows].tolist()


def test_splits_and_parts_share_what_was_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    open_file = FolderSource.open

    def note(source: FolderSource, entry: ShardEntry) -> Any:
        opened.append(entry.file)
        return open_file(source, entry)

    monkeypatch.setattr(FolderSource, "open", note)
    dataset = open_dataset(folder)
    for _ in range(3):
        assert dataset.splits["test"][0].id == dataset.filter(classes=["cat"]).splits["test"].splits["test"][0].id
        assert dataset.splits["train"][0].id == dataset[0].id
    assert len(opened) == len(set(opened)) == 5


def test_a_location_without_a_data_set_says_where_one_may_be(folder: Path) -> None:
    train = str(folder / "train")
    line = line_of(lambda: open_dataset(train))
    assert line == (
        f"manifest/missing: {train}/manifest.json does not exist, so {train} is not a finished data set. "
        "Point at RUN/dataset, or run the build to its end."
    )
    line = line_of(lambda: open_dataset(folder / "none"))
    assert line == f"manifest/missing: {folder}/none does not exist. Check the path, or run the build to its end."
    line = line_of(lambda: open_dataset(folder / "manifest.json"))
    assert line.startswith("disk/not-a-folder: a data set must be a folder, ")
    assert line.endswith("/manifest.json is a file. Point at the folder that holds manifest.json.")


def test_arguments_of_the_wrong_type_are_refused_by_name(folder: Path) -> None:
    wrong: Any = {"verify": "no", "remote": {"tries": 1}}
    lines = [line_of(lambda key=key, value=value: open_dataset(folder, **{key: value})) for key, value in wrong.items()]
    assert lines == [
        "dataset/out-of-range: verify must be one of True, False, got 'no'. Choose one of them.",
        "dataset/out-of-range: remote must be a cifar5m.RemoteOptions, got one of type dict. "
        "Pass RemoteOptions(tries=3), for example.",
    ]
    dataset, number = open_dataset(folder), cast(Any, 3.5)
    assert line_of(lambda: dataset.filter(classes=number)).startswith(
        "dataset/out-of-range: classes must be a list of names or numbers, got 3.5. Pass ["
    )
    assert line_of(lambda: dataset.filter(flags=number)).startswith(
        "dataset/out-of-range: flags must be a mapping of names to bools, got 3.5. Pass {"
    )


def test_columns_of_all_rows_or_of_some(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert dataset.read_column("label").tolist() == COLUMNS["label"].tolist()
    assert dataset.read_column("id", [-1, 3]).tolist() == [IDS[-1], IDS[3]]
    part = dataset.filter(classes=["cat"])
    assert set(part.read_column("label").tolist()) == {CLASS_NAMES.index("cat")}
    assert part.read_column("confidence").tolist() == part.read_column("confidence", range(len(part))).tolist()
    assert dataset.read_column("id").dtype == dataset.read_column("label").dtype == np.int64


def test_hints_of_public_calls_can_be_read() -> None:
    for call in (open_dataset, Dataset.loader, Dataset.filter, Dataset.read_column):
        assert "return" in get_type_hints(call)


def test_a_mask_is_told_from_indices(folder: Path) -> None:
    dataset = open_dataset(folder)
    mask = dataset.read_column("label") == 3
    assert line_of(lambda: dataset[mask]) == (
        "dataset/no-such-row: row indices must be integers, got a mask of 100 bools. Pass np.flatnonzero(mask)."
    )
    assert dataset[np.flatnonzero(mask)].labels.tolist() == [3] * mask.sum()


def test_errors_and_representations_hold_no_keys() -> None:
    options = RemoteOptions(headers={"authorization": "SECRET"}, s3={"secret": "SECRET"})
    headers: Any = {"headers": {"authorization": "SECRET"}}
    shown = [
        repr(options),
        line_of(lambda: open_dataset("http://host/set", remote=headers)),
        line_of(lambda: require_dataset("https://me:SECRET@host/set?key=SECRET")),
        line_of(lambda: require_dataset(headers)),
        line_of(lambda: open_dataset(headers)),
    ]
    assert all(text and "SECRET" not in text for text in shown)
    assert "'https://…@host/set'" in shown[2]


def test_a_manifest_without_classes_is_refused(tmp_path: Path) -> None:
    nothing = {"rows": 0, "shards": [], "classCounts": []}
    manifest = make_manifest({"train": nothing, "test": nothing})
    write_manifest(tmp_path, {**manifest, "classNames": []})
    assert code_of(lambda: open_dataset(tmp_path)) == "manifest/invalid"
