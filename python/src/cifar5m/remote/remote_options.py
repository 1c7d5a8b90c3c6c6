"""How a data set on a server is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, SupportsIndex

from ..errors import Cifar5mError
from ..require import refuse_unknown, require_integer, require_number

DEFAULT_CACHE_BYTES = 64 * 2**30


@refuse_unknown
@dataclass(frozen=True)
class RemoteOptions:
    """How a data set on a server is read. Headers and s3, which may be keys, are not shown.

    Attributes:
        cache_directory: where fetched shards are kept, a path or a `file:` URL. Default: `cifar5m` in XDG_CACHE_HOME,
            else in `~/.cache`.
        cache_bytes: size that the cache is kept below, by removing shards unused for longest; at least 0.
        headers: sent to a web server, not to another it redirects to.
        max_requests: requests at once, in [1, 256].
        tries: failures of a request before giving up, in [1, 100].
        timeout_s: silence after which a connection to a web server counts as lost, seconds, in [0.001, 2,147,483].
        s3: keyword arguments of s3fs.S3FileSystem, which has time limits of its own; `endpoint_url` defaults to
            AWS_ENDPOINT_URL_S3.

    Raises:
        Cifar5mError: `store/out-of-range`, `options/unknown-key`.
    """

    cache_directory: str | os.PathLike[str] | None = None
    cache_bytes: float = DEFAULT_CACHE_BYTES
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_requests: SupportsIndex = 8
    tries: SupportsIndex = 6
    timeout_s: float = 30
    s3: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.cache_directory, (str, os.PathLike, type(None))):
            raise _out_of_range("cache_directory", "a folder", self.cache_directory)
        require_number("cache_bytes", self.cache_bytes, 0, float("inf"), "store")
        for name, largest in (("max_requests", 256), ("tries", 100)):
            require_integer(name, getattr(self, name), 1, largest, area="store")
        # Longer ones do not fit into the timers of some systems.
        require_number("timeout_s", self.timeout_s, 0.001, 2_147_483, "store")
        for name in ("headers", "s3"):
            if not isinstance(getattr(self, name), Mapping):
                raise _out_of_range(name, "a mapping", type(getattr(self, name)).__name__)
        for name, value in self.headers.items():
            if not isinstance(name, str) or not isinstance(value, str):
                # Values may be keys, so only their types are shown.
                seen = f"{type(name).__name__} and {type(value).__name__}"
                raise _out_of_range("headers", "names and values that are text", seen)


def _out_of_range(name: str, rule: str, seen: Any) -> Cifar5mError:
    what = f"{name} must be {rule}, got {seen!r}. Choose another value, or leave it out."
    return Cifar5mError("store/out-of-range", what)
