"""Data sets, their splits, and parts of these."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, SupportsIndex, overload

import numpy as np
import numpy.typing as npt

from .batch_maker import BatchMaker
from .errors import Cifar5mError, NoSuchRowError
from .flags import RowFlags, select_flagged
from .loader import Loader
from .manifest import SPLIT_NAMES, Manifest
from .options import LoaderOptions, ResolvedOptions
from .require import require_number
from .row_filter import ClassName, resolve_filter
from .row_store import RowStore, ShardSource
from .schedule import EarlierPool, Schedule
from .unpack import Unpack


class Sample(NamedTuple):
    """One row.

    Attributes:
        image: uint8, shape [32, 32, 3]: height, width, channels.
        label: class, in [0, classes).
        id: sample id, in [0, 2⁵³).
    """

    image: npt.NDArray[np.uint8]
    label: int
    id: int


class Samples(NamedTuple):
    """Some rows.

    Attributes:
        images: uint8, shape [R, 32, 32, 3].
        labels: int64, shape [R].
        ids: int64, shape [R].
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]


class Dataset:
    """One split of a published data set, or a part of it. Random access needs nothing but numpy.

    Pickled copies hold no rows and no files, so spawned and forked workers each open the shards themselves. `with
    open_dataset(…) as dataset:` closes the files at its end.
    """

    def __init__(
        self,
        source: ShardSource,
        manifest: Manifest,
        split: str,
        memory_bytes: float,
        part: tuple[npt.NDArray[Any], str] | None = None,
        stores: dict[str, RowStore] | None = None,
    ) -> None:
        if split not in SPLIT_NAMES:
            what = f"split must be one of {', '.join(SPLIT_NAMES)}, got {split!r}. Choose one."
            raise Cifar5mError("dataset/unknown-split", what)
        self.manifest = manifest
        self.split_name = split
        self._source = source
        self._memory_bytes = require_number("memory_bytes", memory_bytes, 0, math.inf, area="dataset")
        self._rows: npt.NDArray[Any] | None = None if part is None else part[0]
        self._part_name = "" if part is None else part[1]
        self._is_derived = stores is not None
        # By split. Every part of the data set that is made from another shares them, with the rows that they hold.
        self._stores: dict[str, RowStore] = {} if stores is None else stores
        if split not in self._stores:
            shards, num_classes = manifest.splits[split].shards, len(manifest.class_names)
            self._stores[split] = RowStore(source, shards, num_classes, self._memory_bytes)
        self._store = self._stores[split]

    @property
    def location(self) -> str:
        """The folder, or the URL without what may be secret."""
        return self._source.location

    @property
    def class_names(self) -> tuple[str, ...]:
        """The index is the label."""
        return self.manifest.class_names

    @property
    def fingerprint(self) -> str:
        """Identity of the data, carried by loader states: equal for local and remote copies, here and in TypeScript."""
        return f"{self.split_name}-{self.manifest.sha256[:32]}{self._part_name}"

    def earlier_pools(self) -> list[EarlierPool]:
        """What there was to serve before the set grew, oldest first."""
        numbers = self.manifest.earlier_rows(self.split_name)
        return [
            EarlierPool(
                f"{self.split_name}-{size.sha256[:32]}{self._part_name}",
                rows if self._rows is None else int(np.searchsorted(self._rows, rows)),
            )
            for size, rows in zip(self.manifest.growth, numbers, strict=True)
        ]

    @property
    def splits(self) -> Mapping[str, Dataset]:
        """All splits of the data set, `train` and `test`, whole: `dataset.splits["test"]`. They share what is read."""
        return {name: self._derive(name) for name in SPLIT_NAMES}

    def _derive(self, split: str, part: tuple[npt.NDArray[Any], str] | None = None) -> Dataset:
        return Dataset(self._source, self.manifest, split, self._memory_bytes, part, self._stores)

    def __len__(self) -> int:
        return self._store.num_rows if self._rows is None else len(self._rows)

    # First: an array is an integer to types, since one without axes is.
    @overload
    def __getitem__(  # type: ignore[overload-overlap]
        self, index: slice | Sequence[SupportsIndex] | npt.NDArray[np.integer[Any]]
    ) -> Samples: ...

    @overload
    def __getitem__(self, index: SupportsIndex) -> Sample: ...

    def __getitem__(self, index: Any) -> Any:
        """One row by an integer, numpy's too; some by a slice or by integers. Negative ones count from the end.

        Raises:
            NoSuchRowError: `dataset/no-such-row`; Cifar5mError as `read`.
        """
        if isinstance(index, slice):
            return self.read(np.arange(*index.indices(len(self))))
        try:
            integer = operator.index(index)
        except TypeError:
            return self.read(index)
        images, labels, ids = self.read([integer])
        return Sample(images[0], int(labels[0]), int(ids[0]))

    def __iter__(self) -> Iterator[Sample]:
        for start in range(0, len(self), 256):
            images, labels, ids = self.read(range(start, min(start + 256, len(self))))
            for image, label, id in zip(images, labels.tolist(), ids.tolist(), strict=True):
                # A view would keep the images that were read with it, as long as it is kept.
                yield Sample(image.copy(), label, id)

    def read(self, indices: npt.ArrayLike) -> Samples:
        """Rows by index, in the order asked for.

        Args:
            indices: integers in [-len, len), shape [R].

        Raises:
            NoSuchRowError: `dataset/no-such-row`.
            Cifar5mError: `shard/…`, `table/…`, `disk/…`, `store/…`.
        """
        rows = self._rows_at(indices)
        ids, labels = self._store.read_ids_and_labels(rows)
        return Samples(self._store.read_images(rows).reshape(-1, 32, 32, 3), labels, ids)

    def read_column(self, name: str, indices: npt.ArrayLike | None = None) -> npt.NDArray[Any]:
        """One column without the images, of some rows or of all.

        Args:
            name: `id`, `label` or `class`, int64 [R]; `confidence`, float32 [R]; `probabilities`, float32 [R, classes].
            indices: as of `read`; None for all rows.

        Raises:
            NoSuchRowError: `dataset/no-such-row`; Cifar5mError: `dataset/unknown-column`, and as `read`.
        """
        if name not in ("id", "label", "class", "confidence", "probabilities"):
            what = f"a column must be id, label, class, confidence or probabilities, got {name!r}. Choose one."
            raise Cifar5mError("dataset/unknown-column", what)
        rows = self._rows_at(np.arange(len(self)) if indices is None else indices)
        if name in ("id", "label"):
            ids, labels = self._store.read_ids_and_labels(rows)
            return ids if name == "id" else labels
        return self._store.read_extra(name, rows)

    def filter(
        self,
        classes: ClassName | Iterable[ClassName] | None = None,
        min_confidence: float = 0,
        flags: Mapping[str, bool] | None = None,
    ) -> Dataset:
        """The samples of some classes, by name or number, of a least confidence, and with some flags; all must hold.

        Reads the labels and confidences of the whole split; keeps 4 bytes a row, 8 in a split beyond 2³² rows. With
        flags, it also reads the table that `cifar5m audit` wrote beside the manifest.

        Args:
            flags: the values that flags of an audit must have: `{"leak": False}` leaves leaks out. Names: nearCopy,
                memorized, leak, nearDuplicate, mislabeled.

        Raises:
            Cifar5mError: `dataset/unknown-class`, `dataset/unknown-flag`, `dataset/out-of-range`; `flags/…`;
                `shard/…`, `table/…`, `disk/…`, `store/…`.
        """
        resolved = resolve_filter(classes, min_confidence, flags, self.class_names)
        row_flags = self._read_flags(resolved.flags) if resolved.flags else None
        rows = resolved.select(self._store, row_flags, self.location)
        if self._rows is not None:
            rows = rows[np.isin(rows, self._rows)]
        return self._derive(self.split_name, (rows, f"{self._part_name}-{resolved.name(row_flags)}"))

    def _read_flags(self, flags: Mapping[str, bool]) -> RowFlags:
        file, description = self._source.open_flags(self.manifest)
        return select_flagged(file, description, self.manifest, self.split_name, flags)

    def loader(self, **options: Unpack[LoaderOptions]) -> Loader:
        """Batches of numpy arrays in the order of a regime; see `LoaderOptions`.

        Raises:
            Cifar5mError: `loader/…`, `options/unknown-key` for options out of range.
        """
        return Loader(self, options)

    def close(self) -> None:
        """Closes the files, and frees the memory, of the data set, its splits and its parts. What reads later is told.

        Nobody needs to call it: what nobody refers to is closed. A split or a part is open as long as the data set that
        it was made from: closing it does nothing.
        """
        if not self._is_derived:
            for split in self.splits.values():
                split._store.close()

    def require_open(self) -> None:
        """Raises `dataset/closed`."""
        self._store.require_open()

    def __enter__(self) -> Dataset:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def batch_maker(self, options: ResolvedOptions, schedule: Schedule) -> BatchMaker:
        """What makes the batches of a loader."""
        num_classes = len(self.class_names)
        earlier_rows = [pool.num_rows for pool in self.earlier_pools()]
        return BatchMaker(self._store, self._rows, options, schedule, num_classes, self._memory_bytes, earlier_rows)

    def __repr__(self) -> str:
        size = f"{len(self)} images of {len(self.class_names)} classes"
        return f"<cifar5m.Dataset {self.fingerprint}: {size}, {self.location}>"

    def _rows_at(self, indices: npt.ArrayLike) -> npt.NDArray[np.int64]:
        wanted = np.asarray(indices)
        if wanted.size == 0:
            wanted = wanted.astype(np.int64)
        if wanted.dtype == np.bool_ and wanted.ndim > 0:
            what = f"row indices must be integers, got a mask of {wanted.size} bools. Pass np.flatnonzero(mask)."
            raise NoSuchRowError("dataset/no-such-row", what)
        if wanted.ndim != 1 or wanted.dtype.kind not in "iu":
            raise self._no_such_row(f"{wanted.dtype} of shape {list(wanted.shape)}" if wanted.ndim else repr(indices))
        bad = np.flatnonzero((wanted < -len(self)) | (wanted >= len(self)))
        if bad.size:
            raise self._no_such_row(str(wanted[bad[0]]))
        rows = wanted.astype(np.int64)
        rows = np.where(rows < 0, rows + len(self), rows)
        return rows if self._rows is None else self._rows[rows].astype(np.int64)

    def _no_such_row(self, seen: str) -> NoSuchRowError:
        rule = f"a row index must be an integer in [{-len(self)}, {len(self)}), got {seen}"
        return NoSuchRowError("dataset/no-such-row", f"{rule}. Ask for rows the split has.")
