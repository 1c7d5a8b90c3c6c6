"""A prefix of a bucket, read by s3fs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import Cifar5mError
from ..location import parse_s3_location
from .object_store import TransferError, refusal

_PIECE_BYTES = 8 * 2**20
# Of botocore, by name: what no further try mends. It is a TypeError or ValueError where an option itself is wrong.
_WRONG_SETTINGS = frozenset(
    (
        "ConfigNotFound",
        "ConfigParseError",
        "EndpointResolutionError",
        "InvalidConfigError",
        "InvalidEndpointConfigurationError",
        "InvalidRegionError",
        "InvalidS3AddressingStyleError",
        "NoRegionError",
        "ProfileNotFound",
        "TypeError",
        "UnknownSignatureVersionError",
        "ValueError",
    )
)


class S3Store:
    """A prefix of a bucket of Amazon's, or of any server that speaks its protocol.

    Args:
        options: keyword arguments of s3fs.S3FileSystem; `endpoint_url` defaults to AWS_ENDPOINT_URL_S3.
    """

    def __init__(self, location: str, options: Mapping[str, Any]) -> None:
        bucket, prefix = parse_s3_location(location)
        self._root = f"{bucket}/{prefix}".rstrip("/")
        self.location = f"s3://{self._root}"
        self._options = dict(options)
        self._file_system: Any = None
        self._process_id: int | None = None

    def url_of(self, name: str) -> str:
        """URL of an object."""
        return f"{self.location}/{name}"

    def read(self, name: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object from `start` on, in pieces. Raises as `ObjectStore.read`."""
        try:
            with self._open_file_system().open(f"{self._root}/{name}", "rb", block_size=_PIECE_BYTES) as file:
                file.seek(start)
                while piece := file.read(_PIECE_BYTES):
                    yield piece
        except FileNotFoundError:
            raise refusal(self.url_of(name), 404) from None
        except PermissionError:
            raise refusal(self.url_of(name), 403) from None
        except Cifar5mError:
            raise
        except Exception as error:
            # Of s3fs, aiobotocore and aiohttp: their classes are many, and none of them is ours to import.
            if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
                what = (
                    f"{self.url_of(name)} must be readable, and there are no credentials. Set AWS_PROFILE or its keys"
                )
                raise Cifar5mError(
                    "store/s3-settings", f"{what}, or pass RemoteOptions(s3={{'anon': True}})."
                ) from error
            seen = f"{type(error).__name__}: {error}"
            if type(error).__name__ in _WRONG_SETTINGS:
                what = f"{self.url_of(name)} must be requested with settings that s3fs takes, it says {seen}"
                advice = "Correct RemoteOptions(s3={…}), AWS_PROFILE, AWS_REGION or ~/.aws/config."
                raise Cifar5mError("store/s3-settings", f"{what.rstrip('.')}. {advice}") from error
            raise TransferError(seen) from error

    def _open_file_system(self) -> Any:
        # Its connections and its event loop are of one process: a forked worker inherits them and cannot use them.
        if self._file_system is None or self._process_id != os.getpid():
            try:
                import s3fs
            except ImportError as error:
                what = "data sets in S3 need s3fs, and it is not installed. Run `pip install 'cifar5m[s3]'`."
                raise Cifar5mError("store/no-s3-client", what) from error
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            options = {**({"endpoint_url": endpoint} if endpoint else {}), **self._options}
            self._file_system = s3fs.S3FileSystem(**options)
            self._process_id = os.getpid()
        return self._file_system

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file_system": None}
