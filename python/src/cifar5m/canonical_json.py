"""JSON as the builder writes it, byte for byte: what a checksum is computed over."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any, NoReturn

from .errors import DAMAGED_FILE_ADVICE, Cifar5mError

MAX_DEPTH = 100
_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def canonical_json(value: Any, indent: int | None = None) -> str:
    """JSON with sorted keys and numbers as ECMAScript writes them, so that equal values give equal text.

    Args:
        indent: spaces a level; None puts all on one line.
    """
    return _write(value, indent, 0)


def hash_config(value: Any) -> str:
    """Hexadecimal sha256 of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def seal_json(value: dict[str, Any]) -> str:
    """The text of a file that can tell whether it was altered: canonical JSON with a `checksum` of all the rest."""
    return canonical_json({**value, "checksum": hash_config(value)}, 2) + "\n"


def unseal_json(data: bytes, path: str) -> dict[str, Any]:
    """The value that `seal_json` wrote, without its checksum.

    Raises:
        Cifar5mError: `json/corrupt` if the bytes are not, one by one, what `seal_json` writes.
    """
    try:
        text = data.decode()
        parsed = json.loads(text, parse_int=_parse_number, parse_float=_parse_number, parse_constant=_refuse_constant)
        require_depth(parsed)
    except (ValueError, RecursionError) as error:
        raise _corrupt(path, "must be JSON, and is not") from error
    if not isinstance(parsed, dict):
        raise _corrupt(path, f"must hold a JSON object, got {type(parsed).__name__}")
    checksum = parsed.pop("checksum", None)
    actual = hash_config(parsed)
    if checksum != actual:
        raise _corrupt(path, f"has sha256 {actual[:12]}…, its checksum says {str(checksum)[:12]}…")
    if text != seal_json(parsed):
        raise _corrupt(path, "must be laid out as it was written, and is not")
    return parsed


def require_depth(value: Any) -> None:
    """Raises ValueError for a value nested more than 100 deep."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        children: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                children += item.values()
            elif isinstance(item, list):
                children += item
        if not children:
            return
        level = children
    raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _corrupt(path: str, what: str) -> Cifar5mError:
    return Cifar5mError(
        "json/corrupt",
        f"{path} {what}. It is damaged or was edited by hand. {DAMAGED_FILE_ADVICE}",
    )


def _parse_number(token: str) -> int | float:
    number = float(token)
    if math.isinf(number):
        raise ValueError(f"{token} is not a float64")
    # Numbers of JSON are float64 to the builder; integers up to 2⁵³ are exact in both.
    return int(number) if number.is_integer() and abs(number) <= 2**53 else number


def _refuse_constant(token: str) -> NoReturn:
    raise ValueError(f"{token} is not JSON")


def _write(value: Any, indent: int | None, depth: int) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return _write_number(float(value))
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    if isinstance(value, (list, tuple)):
        return _write_items([_write(item, indent, depth + 1) for item in value], "[]", indent, depth)
    colon = ":" if indent is None else ": "
    items = [
        _write(key, indent, depth) + colon + _write(value[key], indent, depth + 1)
        for key in sorted(value, key=_key_order)
    ]
    return _write_items(items, "{}", indent, depth)


def _write_items(items: list[str], brackets: str, indent: int | None, depth: int) -> str:
    if not items:
        return brackets
    if indent is None:
        return brackets[0] + ",".join(items) + brackets[1]
    outer, inner = "\n" + " " * (indent * depth), "\n" + " " * (indent * (depth + 1))
    return brackets[0] + inner + ("," + inner).join(items) + outer + brackets[1]


def _key_order(key: str) -> tuple[int, int, bytes]:
    """ECMAScript puts keys that are array indices first, by number, and compares the others by UTF-16 code units."""
    if _ARRAY_INDEX.fullmatch(key) and int(key) < 2**32 - 1:
        return 0, int(key), b""
    return 1, 0, key.encode("utf-16-be", "surrogatepass")


def _write_number(number: float) -> str:
    """Number::toString of ECMAScript: the shortest digits that give the number back, as Python's repr has them."""
    if not math.isfinite(number):
        raise Cifar5mError("json/not-representable", f"a number must be finite, got {number}. Convert it first.")
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    # The value is 0.DIGITS · 10^point.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if 0 < point <= 21:
        body = digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        body = f"0.{'0' * -point}{digits}"
    else:
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        body = f"{digits[0]}{rest}e{point - 1:+d}"
    return sign + body
