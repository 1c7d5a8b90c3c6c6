"""Makes a rank's part of any global batch, as a function of its range alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .augment import blend, crop_images, cut_out
from .batch import Batch, Mixup
from .image_cache import choose_cache
from .image_format import ImageWriter
from .label_noise import add_label_noise
from .options import ResolvedOptions
from .row_store import RowStore
from .sample_draws import SIDE, SampleDraws
from .sample_order import SampleOrder
from .schedule import BatchRange, Schedule

Rows = npt.NDArray[np.int64]

# Positions looked up at once: enough to hide what calls of numpy cost.
_STRETCH = 2**14
_COLUMN_NAMES = {"class": "classes", "confidence": "confidences", "probabilities": "probabilities"}


class BatchMaker:
    """Makes batches. What it keeps from one to the next is memory of images and of rows that were looked up.

    Args:
        rows: rows of the store to serve, by pool index; None for all of them.
        earlier_rows: how many there were to serve before the set grew, rising.
    """

    def __init__(
        self,
        store: RowStore,
        rows: npt.NDArray[Any] | None,
        options: ResolvedOptions,
        schedule: Schedule,
        num_classes: int,
        memory_bytes: float,
        earlier_rows: Sequence[int] = (),
    ) -> None:
        self._store, self._rows, self._options, self._schedule = store, rows, options, schedule
        self._num_classes = num_classes
        pool_size = store.num_rows if rows is None else len(rows)
        regime, seed, shuffle = options.regime, options.seed, options.shuffle
        self._order = SampleOrder(regime, pool_size, options.num_samples, seed, shuffle, earlier_rows)
        self._writer = ImageWriter(options.format)
        is_whole = rows is None and options.num_samples in (pool_size, *earlier_rows)
        self._cache = choose_cache(store, options, is_whole, memory_bytes)
        # Of one epoch, set with it at once: an interrupt never leaves an epoch with the rows of another.
        self._looked_up: tuple[int, dict[tuple[int, int], tuple[Rows, Rows, Rows]]] = -1, {}

    def make(self, batch: BatchRange) -> Batch[npt.NDArray[Any]]:
        """The batch of a range.

        Raises:
            Cifar5mError: `shard/…`, `table/…`, `disk/…`, `store/…`.
        """
        options = self._options
        positions, slots, rows = self._look_up(batch)
        images, labels, ids = self._serve(batch.epoch, positions, slots, rows)
        mixup = None
        if options.augment.mixup is not None:
            images, mixup = self._mix(batch, positions, images, options.augment.mixup)
        extras = {_COLUMN_NAMES[name]: self._store.read_extra(name, rows) for name in options.columns}
        step = self._schedule.step_of(batch)
        return Batch(images, labels, ids, batch.epoch, step, mixup=mixup, **extras)

    def _serve(self, epoch: int, positions: Rows, slots: Rows, rows: Rows) -> tuple[npt.NDArray[Any], Rows, Rows]:
        """Images, labels and ids of some positions of an epoch, augmented but not blended."""
        options, augment = self._options, self._options.augment
        ids, labels = self._store.read_ids_and_labels(rows)
        if options.label_noise is not None:
            seed = options.label_noise.seed or 0
            labels = add_label_noise(labels, ids, options.label_noise.rate, seed, self._num_classes)
        stored = self._store.read_images(rows) if self._cache is None else self._cache.read_images(slots, rows)
        images = stored.reshape(-1, SIDE, SIDE, 3)
        if not (augment.flip or augment.padding is not None or augment.cutout is not None):
            return self._writer(images, None), labels, ids
        draws = SampleDraws(options.seed, epoch, positions)
        if augment.padding is not None:
            bound = 2 * augment.padding + 1
            images = crop_images(images, draws.crop_rows(bound), draws.crop_columns(bound), augment)
        written = self._writer(images, draws.is_flipped() if augment.flip else None)
        if augment.cutout is not None:
            cut_out(written, options.format.layout, augment.cutout, draws)
        return written, labels, ids

    def _mix(
        self, batch: BatchRange, positions: Rows, images: npt.NDArray[Any], alpha: float
    ) -> tuple[npt.NDArray[np.float32], Mixup[npt.NDArray[Any]]]:
        num_samples = batch.end - batch.start
        if num_samples == 1:
            partners, weights = positions, np.ones(len(positions))
        else:
            draws = SampleDraws(self._options.seed, batch.epoch, positions)
            shifts = 1 + draws.mixup_partners(num_samples - 1)
            partners = batch.start + (positions - batch.start + shifts) % num_samples
            weights = draws.mixup_weights(alpha)
        slots = self._order.slots(batch.epoch, partners)
        others, labels, _ = self._serve(batch.epoch, partners, slots, self._rows_of(slots))
        return blend(images, others, weights), Mixup(labels, weights.astype(np.float32))

    def _rows_of(self, slots: Rows) -> Rows:
        rows = self._order.rows(slots)
        return rows if self._rows is None else self._rows[rows].astype(np.int64)

    def _look_up(self, batch: BatchRange) -> tuple[Rows, Rows, Rows]:
        """Positions of this rank in a batch, and their slots and rows; those of the batches that follow are kept."""
        epoch, looked_up = self._looked_up
        found = looked_up.pop((batch.start, batch.end), None) if batch.epoch == epoch else None
        if found is not None:
            return found
        options = self._options
        size = batch.end - batch.start
        num_batches = max(1, _STRETCH * options.world_size // size)
        starts = [batch.start + index * size for index in range(num_batches)]
        ends = [start + size for start in starts if start + size <= options.num_samples]
        own = [np.arange(end - size + options.rank, end, options.world_size) for end in ends]
        slots = self._order.slots(batch.epoch, np.concatenate(own))
        rows = self._rows_of(slots)
        cuts = np.cumsum([len(positions) for positions in own])[:-1]
        parts: Iterable[tuple[Rows, Rows, Rows]] = zip(own, np.split(slots, cuts), np.split(rows, cuts), strict=True)
        looked_up = {(end - size, end): part for end, part in zip(ends, parts, strict=True)}
        found = looked_up.pop((batch.start, batch.end))
        self._looked_up = batch.epoch, looked_up
        return found
