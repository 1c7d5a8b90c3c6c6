"""Which rows of a split to serve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .canonical_json import hash_config
from .errors import Cifar5mError
from .flags import RowFlags, resolve_flags, wrong_table
from .row_store import RowStore

ClassName = str | int | np.integer[Any]


@dataclass(frozen=True)
class RowFilter:
    """A filter with numbers for names, sorted: equal filters are equal."""

    classes: tuple[int, ...]
    min_confidence: float
    flags: Mapping[str, bool] = field(default_factory=dict)

    def name(self, flags: RowFlags | None) -> str:
        """What the fingerprint of a filtered split ends with, as in TypeScript."""
        identity = {"classes": list(self.classes), "minConfidence": self.min_confidence}
        if flags is not None:
            identity |= {"flags": dict(self.flags), "table": flags.sha256}
        return hash_config(identity)[:8]

    def select(self, store: RowStore, flags: RowFlags | None, location: str) -> npt.NDArray[Any]:
        """The rows that are kept, rising; reads labels and confidences of the whole split.

        Raises:
            Cifar5mError: `flags/wrong-table` if the flags have other ids.
        """
        labels, confidences = store.read_labels_and_confidences()
        # The comparison is of float64, as in TypeScript: 0.9 is not a float32.
        is_kept = np.isin(labels, self.classes) & (confidences.astype(np.float64) >= self.min_confidence)
        if flags is not None:
            ids = store.read_ids_and_labels(np.arange(store.num_rows))[0]
            other = np.flatnonzero(ids != flags.ids)
            if other.size:
                row = int(other[0])
                what = f"must have id {ids[row]} in row {row} of the split, it has {flags.ids[row]}"
                raise wrong_table(f"{location}/flags.arrow", what)
            is_kept &= flags.is_kept
        return np.flatnonzero(is_kept).astype(np.uint32 if store.num_rows <= 2**32 else np.int64)


def resolve_filter(
    classes: ClassName | Iterable[ClassName] | None,
    min_confidence: float,
    flags: Mapping[str, bool] | None,
    class_names: Sequence[str],
) -> RowFilter:
    """Looks up names.

    Raises:
        Cifar5mError: `dataset/unknown-class`, `dataset/unknown-flag`, `dataset/out-of-range`.
    """
    if isinstance(classes, (str, int, np.integer)):
        classes = [classes]
    if classes is not None and not isinstance(classes, Iterable):
        raise Cifar5mError(
            "dataset/out-of-range", f'classes must be a list of names or numbers, got {classes!r}. Pass ["cat"], say.'
        )
    numbers = range(len(class_names)) if classes is None else [_number_of(name, class_names) for name in classes]
    try:
        least = float(min_confidence)
    except (TypeError, ValueError):
        least = float("nan")
    if not 0 <= least <= 1:
        raise Cifar5mError(
            "dataset/out-of-range",
            f"min_confidence must lie in [0, 1], got {min_confidence!r}. Use 0 to keep every image.",
        )
    return RowFilter(tuple(sorted(set(numbers))), least, resolve_flags(flags))


def _number_of(name: Any, class_names: Sequence[str]) -> int:
    if isinstance(name, str) and name in class_names:
        return class_names.index(name)
    if isinstance(name, (int, np.integer)) and not isinstance(name, bool) and 0 <= name < len(class_names):
        return int(name)
    raise Cifar5mError(
        "dataset/unknown-class",
        f"classes must be among {', '.join(class_names)}, or their numbers, got {name!r}. Choose among those.",
    )
