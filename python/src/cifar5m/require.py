"""Checks of options. Each returns a value of Python's own types, or raises an error that names the option."""

from __future__ import annotations

import difflib
import functools
import operator
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from .errors import Cifar5mError

Options = TypeVar("Options", bound=type)


def require_integer(
    name: str, value: Any, low: int, high: int, action: str = "Choose one in that range.", area: str = "loader"
) -> int:
    """A Python integer of any integer, numpy's too. Raises `AREA/out-of-range`."""
    try:
        integer = None if isinstance(value, (bool, np.bool_)) else operator.index(value)
    except TypeError:
        integer = None
    if integer is None or not low <= integer <= high:
        raise out_of_range(name, f"an integer in [{low}, {high}]", value, action, area)
    return integer


def require_number(name: str, value: Any, low: float, high: float, area: str = "loader") -> float:
    """A Python float of any number, numpy's too. Raises `AREA/out-of-range`."""
    try:
        number = float("nan") if isinstance(value, (bool, np.bool_, str)) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high:
        raise out_of_range(name, f"a number in [{low}, {high}]", value, area=area)
    return number


def require_choice(name: str, value: Any, choices: Sequence[Any], area: str = "loader") -> Any:
    """The choice that a value is. Raises `AREA/out-of-range`."""
    if isinstance(value, np.bool_):
        value = bool(value)
    for choice in choices:
        # 0 == False, and 0 is not a bool.
        if value is choice or (isinstance(value, str) and value == choice):
            return choice
    raise out_of_range(name, f"one of {', '.join(map(str, choices))}", value, "Choose one of them.", area)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A question that names the known word closest to a misspelled one, and a space; empty if none is close."""
    plain = {word.replace("_", "").lower(): word for word in known}
    found = difflib.get_close_matches(name.replace("_", "").lower(), plain, n=1, cutoff=0.7)
    return f"Did you mean {plain[found[0]]}? " if found else ""


def refuse_unknown(cls: Options) -> Options:
    """Lets a dataclass of options refuse a misspelled one as a loader does. It raises `options/unknown-key`."""
    any_class: Any = cls
    initialize, known = any_class.__init__, [field.name for field in fields(any_class)]

    @functools.wraps(initialize)
    def checked(self: Any, *args: Any, **options: Any) -> None:
        for key in options:
            if key not in known:
                what = f"{key} is not an option of {any_class.__name__}. {did_you_mean(key, known)}"
                raise Cifar5mError("options/unknown-key", f"{what}Use one of: {', '.join(known)}.")
        initialize(self, *args, **options)

    any_class.__init__ = checked
    return cls


def out_of_range(
    name: str, rule: str, value: Any, action: str = "Choose one in that range.", area: str = "loader"
) -> Cifar5mError:
    """The error of an option out of range."""
    return Cifar5mError(f"{area}/out-of-range", f"{name} must be {rule}, got {value!r}. {action}")


def wrong_type(name: str, rule: str, value: Any, action: str, area: str = "loader") -> Cifar5mError:
    """The error of an option of the wrong type, which is not shown itself."""
    return Cifar5mError(
        f"{area}/out-of-range", f"{name} must be {rule}, got one of type {type(value).__name__}. {action}"
    )
