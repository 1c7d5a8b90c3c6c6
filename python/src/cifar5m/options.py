"""Options of a loader, checked before anything is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, SupportsFloat, SupportsIndex, TypedDict, get_args, get_type_hints

import numpy as np
import numpy.typing as npt

from .augment import Augment
from .errors import Cifar5mError
from .image_format import CIFAR10_MEAN, CIFAR10_STD, DType, ImageFormat, Layout, Triple
from .label_noise import LabelNoise
from .manifest import MAX_INTEGER
from .require import did_you_mean, out_of_range, require_choice, require_integer, require_number
from .sample_order import Regime
from .shuffle import Blocked, ShuffleKind

ExtraColumn = Literal["class", "confidence", "probabilities"]
# Options of worker processes, which only the loader for PyTorch has.
WORKER_KEYS = ("num_workers", "pin_memory", "prefetch_factor", "multiprocessing_context")
# Options of the TypeScript loader, and of torch's DataLoader, that have no equal here.
_ELSEWHERE = {
    "worker_init_fn": "Workers need no set-up: nothing random depends on them. ",
    "persistent_workers": "Workers always live from loop to loop. ",
    "timeout": "RemoteOptions(timeout_s=…) limits how long a server may be silent. ",
    "generator": "The order follows from seed. ",
    "sampler": "The order follows from regime, seed and shuffle; cifar5m.torch.MapDataset takes a sampler of yours. ",
    "collate_fn": "Batches are made whole; transform gets their images. ",
    "state": "Pass a state to load_state_dict. ",
    "live": "Only the TypeScript loader takes a live source. ",
}
EXTRA_COLUMNS: tuple[str, ...] = get_args(ExtraColumn)


class RequiredOptions(TypedDict):
    """Keyword arguments that every loader needs; see `LoaderOptions`."""

    regime: Regime
    batch_size: SupportsIndex


class LoaderOptions(RequiredOptions, total=False):
    """Keyword arguments of every loader. Integers, numbers and bools may be numpy's.

    Attributes:
        regime: `finite` serves num_samples, shuffled anew in each epoch; `infinite` serves every image once and raises
            `regime/exhausted` when no whole batch is left. Required.
        batch_size: samples of a *global* batch, over all ranks, at least one for each. Required.
        num_samples: N, of the finite regime; subsets of equal seed and shuffle are nested. Default: the whole data set.
        epochs: passes over the N samples that one loop serves, `math.inf` for no end; a loop after the last one raises
            `loader/finished`. Default: every loop is one epoch, and there is no last one.
        shuffle: `full`, `blocked`, a `Blocked`, or False, which is for the finite regime only; True is `full`.
        drop_last: leave out the last, partial batch of every epoch; always so in the infinite regime. Default True, but
            False where shuffle is: a loop in file order evaluates, and serves every image. Where it is False, a rank
            may get an empty last batch; skip it: a mean over it is NaN.
        seed: integer in [0, 2⁵³). Default 0.
        rank, world_size: this process gets samples rank, rank + world_size, … of every global batch. Give both, or
            neither: the default is 0 and 1, or those of torch.distributed or jax.distributed where the loader is one
            for PyTorch or JAX. A world_size of 1 needs no rank.
        dtype: `uint8`, bytes as stored, or `float32`, bytes / 255. Default `uint8`.
        layout: `NHWC` or `NCHW`. Default `NHWC`, for PyTorch `NCHW`.
        normalize: (mean, std), three numbers each, of pixels in [0, 1], or True for those of CIFAR-10; float32 only.
            Default: neither.
        augment: see `Augment`.
        label_noise: rate, or a `LabelNoise`.
        columns: `class`, `confidence`, `probabilities`, besides images, labels and ids.
        transform: called with the images of each batch, all at once, in their final form; what it returns takes their
            place. A random transform for single images thus makes one choice for the whole batch: flip, crop and cut
            out by `augment`, which chooses for each image, or use `cifar5m.torch.MapDataset`, whose transform gets one.
    """

    num_samples: SupportsIndex | None
    epochs: SupportsIndex | float | None
    shuffle: bool | np.bool_ | Literal["full", "blocked"] | Blocked
    drop_last: bool | np.bool_
    seed: SupportsIndex
    rank: SupportsIndex | None
    world_size: SupportsIndex | None
    dtype: DType
    layout: Layout
    normalize: bool | np.bool_ | tuple[npt.ArrayLike, npt.ArrayLike] | None
    augment: Augment | None
    label_noise: SupportsFloat | LabelNoise | None
    columns: Sequence[ExtraColumn] | None
    transform: Callable[[Any], Any] | None


# Where None is not a value, it is refused: shuffle=None reads like False, and the default is True.
_MAY_BE_NONE = frozenset(key for key, hint in get_type_hints(LoaderOptions).items() if type(None) in get_args(hint))


@dataclass(frozen=True)
class ResolvedOptions:
    """Options with every default filled in. Picklable where the transform is."""

    regime: Regime
    num_samples: int
    epochs: int | float | None
    batch_size: int
    seed: int
    shuffle: ShuffleKind
    drop_last: bool
    rank: int
    world_size: int
    format: ImageFormat
    augment: Augment
    label_noise: LabelNoise | None
    columns: tuple[ExtraColumn, ...]
    transform: Callable[[Any], Any] | None


def resolve_options(options: LoaderOptions, pool_size: int, more_keys: Sequence[str] = ()) -> ResolvedOptions:
    """Fills in defaults and checks.

    Args:
        pool_size: rows that can be served.
        more_keys: options that the loader takes besides, named where a key is unknown.

    Raises:
        Cifar5mError: `options/unknown-key`, `loader/unknown-regime`, `loader/out-of-range`, `loader/empty-split`.
    """
    keys = LoaderOptions.__annotations__
    for key in options:
        if key in WORKER_KEYS:
            what = f"{key} is an option of cifar5m.torch.Loader, or of your DataLoader. Pass it there, or leave it out."
            raise Cifar5mError("options/unknown-key", what)
        if key not in keys:
            hint = _ELSEWHERE.get(key) or did_you_mean(key, [*keys, *more_keys])
            known = ", ".join([*keys, *more_keys])
            raise Cifar5mError("options/unknown-key", f"{key} is not an option of a loader. {hint}Use one of: {known}.")
    given: dict[str, Any] = {
        key: value for key, value in options.items() if value is not None or key not in _MAY_BE_NONE
    }
    regime: Any = given.get("regime")
    if regime not in get_args(Regime):
        raise Cifar5mError("loader/unknown-regime", f"regime must be finite or infinite, got {regime!r}. Choose one.")
    if pool_size == 0:
        raise Cifar5mError(
            "loader/empty-split",
            "the split must hold at least one image, it holds 0. Build more shards, or filter less.",
        )
    if "batch_size" not in given:
        raise out_of_range("batch_size", "given", None, "Pass the samples of a global batch.")
    batch_size = require_integer("batch_size", given["batch_size"], 1, 2**31)
    seed = require_integer("seed", given.get("seed", 0), 0, MAX_INTEGER)
    world_size = require_integer("world_size", given.get("world_size", 1), 1, 2**31)
    of_group = [key for key in ("rank", "world_size") if key in given]
    if of_group == ["rank"] or (of_group == ["world_size"] and world_size > 1):
        what = f"rank and world_size must be given together, got {of_group[0]} alone. Pass both, or neither."
        raise Cifar5mError("loader/out-of-range", what)
    rank = require_integer("rank", given.get("rank", 0), 0, world_size - 1)
    if batch_size < world_size:
        raise out_of_range("batch_size", f"at least world_size ({world_size})", batch_size, "It is the global batch.")
    shuffle = _resolve_shuffle(given.get("shuffle", "full"))
    drop_last = require_choice("drop_last", given.get("drop_last", shuffle != "none"), (True, False))
    num_samples = pool_size
    epochs: int | float | None = 1
    if regime == "infinite":
        for key in ("num_samples", "epochs"):
            if key in given:
                raise out_of_range(key, "left out in the infinite regime", given[key], "Leave it out.")
        if shuffle == "none":
            raise out_of_range("shuffle", "full or blocked in the infinite regime", given["shuffle"])
        if not drop_last:
            raise out_of_range("drop_last", "True in the infinite regime", drop_last)
    else:
        wanted, action = given.get("num_samples", pool_size), "Build more shards or ask for fewer."
        num_samples = require_integer("num_samples", wanted, 1, pool_size, action)
        epochs = _resolve_epochs(given.get("epochs"))
        if drop_last and num_samples < batch_size:
            raise out_of_range(
                "batch_size",
                f"at most num_samples ({num_samples}) when the last partial batch is dropped",
                batch_size,
                "Use smaller batches, or drop_last=False.",
            )
    format = resolve_format(given)
    return ResolvedOptions(
        regime=regime,
        num_samples=num_samples,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        shuffle=shuffle,
        drop_last=drop_last,
        rank=rank,
        world_size=world_size,
        format=format,
        augment=_resolve_augment(given.get("augment", Augment()), format),
        label_noise=_resolve_label_noise(given.get("label_noise"), seed),
        columns=_resolve_columns(given.get("columns", ())),
        transform=_resolve_transform(given.get("transform")),
    )


def resolve_format(given: dict[str, Any]) -> ImageFormat:
    """The image format of options `dtype`, `layout` and `normalize`. Raises `loader/out-of-range`."""
    dtype = require_choice("dtype", given.get("dtype", "uint8"), get_args(DType))
    layout = require_choice("layout", given.get("layout", "NHWC"), get_args(Layout))
    normalize = given.get("normalize", False)
    if isinstance(normalize, np.bool_):
        normalize = bool(normalize)
    if normalize is True:
        normalize = (CIFAR10_MEAN, CIFAR10_STD)
    if normalize is False or normalize is None:
        return ImageFormat(dtype, layout, None)
    if dtype == "uint8":
        raise out_of_range("normalize", "False where dtype is uint8", normalize, 'Pass dtype="float32".')
    try:
        mean, std = (tuple(float(number) for number in numbers) for numbers in normalize)
    except (TypeError, ValueError):
        mean, std = (), ()
    if len(mean) != 3 or len(std) != 3:
        raise out_of_range(
            "normalize", "a bool or (mean, std), three numbers each", normalize, "Pass one number a channel."
        )
    for number in mean:
        require_number("normalize's mean", number, -1e6, 1e6)
    for number in std:
        require_number("normalize's std", number, 1e-6, 1e6)
    return ImageFormat(dtype, layout, (_triple(mean), _triple(std)))


def _triple(numbers: tuple[float, ...]) -> Triple:
    red, green, blue = numbers
    return red, green, blue


def _resolve_epochs(epochs: Any) -> int | float | None:
    if epochs is None:
        return None
    if isinstance(epochs, (float, np.floating)) and epochs == math.inf:
        return math.inf
    return require_integer("epochs", epochs, 1, MAX_INTEGER, "Pass a number of epochs, math.inf, or leave it out.")


def _resolve_shuffle(shuffle: Any) -> ShuffleKind:
    if isinstance(shuffle, Blocked):
        block_rows = require_integer("block_rows", shuffle.block_rows, 1, 2**31)
        return Blocked(block_rows, require_integer("window_blocks", shuffle.window_blocks, 1, 2**31))
    choice = require_choice("shuffle", shuffle, (True, False, "full", "blocked"))
    if choice == "blocked":
        return Blocked()
    return "none" if choice is False else "full"


def _resolve_augment(augment: Any, format: ImageFormat) -> Augment:
    if not isinstance(augment, Augment):
        raise out_of_range("augment", "a cifar5m.Augment", augment, "Pass Augment(flip=True, crop=4), for example.")
    require_choice("augment.flip", augment.flip, (True, False))
    require_choice("augment.crop_mode", augment.crop_mode, ("zero", "reflect"))
    resolved = augment
    if augment.padding is not None:
        resolved = replace(resolved, crop=require_integer("augment.crop", augment.padding, 0, 31))
    if augment.cutout is not None:
        resolved = replace(resolved, cutout=require_integer("augment.cutout", augment.cutout, 1, 64))
    if augment.mixup is not None:
        resolved = replace(resolved, mixup=require_number("augment.mixup", augment.mixup, 1e-3, 1e3))
        if format.dtype != "float32":
            raise out_of_range("dtype", "float32 for augment.mixup", format.dtype, 'Pass dtype="float32".')
    return resolved


def _resolve_label_noise(noise: Any, loader_seed: int) -> LabelNoise | None:
    if noise is None:
        return None
    rate, seed = (noise.rate, noise.seed) if isinstance(noise, LabelNoise) else (noise, None)
    rate = require_number("label_noise", rate, 0, 1)
    seed = require_integer("label_noise's seed", loader_seed if seed is None else seed, 0, MAX_INTEGER)
    return LabelNoise(rate, seed)


def _resolve_columns(columns: Any) -> tuple[ExtraColumn, ...]:
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise out_of_range("columns", "a list of names", columns, 'Pass ["class"], for example.')
    return tuple(require_choice("columns", column, EXTRA_COLUMNS) for column in columns)


def _resolve_transform(transform: Any) -> Callable[[Any], Any] | None:
    if transform is not None and not callable(transform):
        raise out_of_range("transform", "callable", transform, "Pass a function of the images of a batch.")
    resolved: Callable[[Any], Any] | None = transform
    return resolved
