"""Where a data set lies."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .errors import Cifar5mError


@dataclass(frozen=True)
class Location:
    """A folder by its absolute path, or the URL of a server."""

    kind: Literal["folder", "http", "s3"]
    where: str


def parse_location(location: str | os.PathLike[str]) -> Location:
    """Tells folders, `file:` URLs and remote locations apart. Relative paths become absolute, `~` the home folder.

    Raises:
        Cifar5mError: `store/bad-location` for a scheme that nothing here reads, and for an empty text.
    """
    text = os.fspath(location) if isinstance(location, (str, os.PathLike)) else None
    if not isinstance(text, str):
        what = (
            f"a location must be a string or a path, got one of type {type(location).__name__}. Pass a folder or a URL."
        )
        raise Cifar5mError("store/bad-location", what)
    if not text.strip():
        raise Cifar5mError("store/bad-location", "a location must be a folder or a URL, got an empty text. Name one.")
    if re.match(r"(https?|s3)//", text, re.IGNORECASE):
        what = f"{hide_secrets(text)} must have a colon after its scheme, and has none. Correct it."
        raise Cifar5mError("store/bad-location", what)
    # One letter is a Windows drive.
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", text)
    scheme = found[1].lower() if found else None
    if scheme in ("http", "https"):
        return Location("http", text)
    if scheme == "s3":
        parse_s3_location(text)
        return Location("s3", text)
    if scheme == "file":
        return Location("folder", _path_of(text))
    if scheme is None or not text.startswith(f"{scheme}://"):
        return Location("folder", os.path.abspath(Path(text).expanduser()))
    raise Cifar5mError(
        "store/bad-location",
        f"{hide_secrets(text)} must be a folder, or begin with file://, http://, https:// or s3://, got {scheme}://. "
        "Use one of these.",
    )


def parse_folder(location: str | os.PathLike[str], what: str) -> str:
    """The absolute path of a folder on this machine: a path, or a `file:` URL.

    Args:
        what: names it in errors.

    Raises:
        Cifar5mError: `store/bad-location` for any other location; as `parse_location`.
    """
    parsed = parse_location(location)
    if parsed.kind == "folder":
        return parsed.where
    raise Cifar5mError(
        "store/bad-location",
        f"{what} must be a folder on this machine, got {hide_secrets(parsed.where)}. Name a path, or a file:// URL.",
    )


def _path_of(url: str) -> str:
    """The absolute path of a `file:` URL. Raises `store/bad-location`."""
    try:
        parts = urlsplit(url)
        path = url2pathname(parts.path)
        if path and "\0" not in path and parts.netloc.lower() in ("", "localhost"):
            return os.path.abspath(path)
    except (ValueError, OSError):
        # Neither a host nor a path.
        pass
    what = f"{hide_secrets(url)} must be like file:///absolute/path, without a host. Correct it, or pass the path."
    raise Cifar5mError("store/bad-location", what)


def parse_s3_location(location: str) -> tuple[str, str]:
    """Bucket and prefix, which has no slashes at its end. Raises `store/bad-location`."""
    found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]+)(?:/([^?#]*))?", location)
    if found is None:
        what = f"{hide_secrets(location)} must be like s3://bucket/prefix, without ? and #. Correct it."
        raise Cifar5mError("store/bad-location", what)
    return found[1], (found[2] or "").rstrip("/")


def hide_secrets(location: str) -> str:
    """A location as it may be shown: without name and password, query and fragment, which often are keys."""
    found = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/*", location)
    if found is None:
        return location
    rest = location[found.end() :]
    if "@" in rest:
        rest = "…" + rest[rest.rindex("@") :]
    return found[0] + re.split(r"[?#]", rest, maxsplit=1)[0]
