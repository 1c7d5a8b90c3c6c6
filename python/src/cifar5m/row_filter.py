"""Which rows of a split to serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .canonical_json import hash_config
from .errors import Cifar5mError
from .row_store import RowStore


@dataclass(frozen=True)
class RowFilter:
    """A filter with numbers for names, sorted: equal filters are equal."""

    classes: tuple[int, ...]
    min_confidence: float

    @property
    def name(self) -> str:
        """What the fingerprint of a filtered split ends with, as in TypeScript."""
        return hash_config({"classes": list(self.classes), "minConfidence": self.min_confidence})[:8]

    def select(self, store: RowStore) -> npt.NDArray[Any]:
        """The rows that are kept, rising; reads labels and confidences of the whole split."""
        labels, confidences = store.read_whole_column("label"), store.read_whole_column("confidence")
        # The comparison is of float64, as in TypeScript: 0.9 is no float32.
        is_kept = np.isin(labels, self.classes) & (confidences.astype(np.float64) >= self.min_confidence)
        return np.flatnonzero(is_kept).astype(np.uint32 if store.num_rows <= 2**32 else np.int64)


def resolve_filter(classes: Sequence[str | int] | None, min_confidence: float, class_names: Sequence[str]) -> RowFilter:
    """Looks up names.

    Raises:
        Cifar5mError: `dataset/unknown-class`, `dataset/out-of-range`.
    """
    if isinstance(classes, (str, int, np.integer)):
        classes = [classes]
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
    return RowFilter(tuple(sorted(set(numbers))), least)


def _number_of(name: Any, class_names: Sequence[str]) -> int:
    if isinstance(name, str) and name in class_names:
        return class_names.index(name)
    if isinstance(name, (int, np.integer)) and not isinstance(name, bool) and 0 <= name < len(class_names):
        return int(name)
    raise Cifar5mError(
        "dataset/unknown-class",
        f"classes must be among {', '.join(class_names)}, or their numbers, got {name!r}. Choose of those.",
    )
