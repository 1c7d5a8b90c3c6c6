"""The one error class of the package, and text that is safe to print."""

from __future__ import annotations

import re
import unicodedata

MAX_LINE = 3000
TAIL = 1000
# What to do about a damaged file. Who reads it cannot tell whether a run made it.
DAMAGED_FILE_ADVICE = (
    "If it belongs to a run, `cifar5m repair` makes it again; otherwise delete it, and fetch or make it again."
)
_LINE_IN_TRACEBACK = re.compile(r"^[\w.]+: ([a-z0-9-]+/[a-z0-9-]+): (.*)$", re.MULTILINE)


class Cifar5mError(Exception):
    """An error a user can act on: what was wrong, the rule, the value seen, and what to do next, in one line.

    Attributes:
        code: `area/what`, for example `shard/hash-mismatch`. Codes are stable and those of the TypeScript loader.
        message: the line without the code.
    """

    def __init__(self, code: str, message: str | None = None) -> None:
        if message is None:
            # DataLoader raises the error of a worker anew, from the text of its traceback alone.
            code, message = _parse_traceback(code)
        self.code = code
        self.message = plain_text(message)
        super().__init__(f"{self.code}: {self.message}")

    def __reduce__(self) -> tuple[type[Cifar5mError], tuple[str, str]]:
        return type(self), (self.code, self.message)


class NoSuchRowError(Cifar5mError, IndexError):
    """`dataset/no-such-row`. It is an IndexError too, by which Python's sequence protocol knows the end."""


def _parse_traceback(text: str) -> tuple[str, str]:
    found = _LINE_IN_TRACEBACK.findall(text)
    return (found[-1][0], found[-1][1]) if found else ("error/unknown", text)


def plain_text(text: str) -> str:
    """Text from outside as it may stand in a line: control characters escaped, the middle cut if it is long."""
    if len(text) > MAX_LINE:
        num_left_out = len(text) - MAX_LINE
        text = f"{text[: MAX_LINE - TAIL]}… ({num_left_out} characters left out) …{text[-TAIL:]}"
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character == "\n":
        return "\\n"
    category = unicodedata.category(character)
    if category[0] != "C" and category not in ("Zl", "Zp"):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
