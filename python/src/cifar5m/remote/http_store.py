"""A folder on a web server, read by urllib."""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ..errors import Cifar5mError
from .object_store import TransferError, refusal

_PIECE_BYTES = 2**20
# Printable ASCII characters that the URL standard leaves as they are; % may begin what is encoded already.
_KEPT_IN_PATH = "%!$&'()*+,-./:;=@[]_|~"
# As urllib writes them. All other headers stay with the server that they were meant for.
_SENT_ELSEWHERE = ("Accept-encoding", "Range")
_KEPT_IN_QUERY = "%!$&()*+,-./:;=?@[\\]^_`{|}~"


class HttpStore:
    """A folder on a web server.

    Args:
        url: of the folder. A query (a signature, say), name and password are sent with every request and kept out of
            errors. What HTTP cannot send in a path or query, such as spaces, is percent-encoded as browsers do.
        headers: sent with every request to this server; where it redirects to another, they stay behind.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        try:
            self._url = urlsplit(url.strip())
            self._host = self._url.hostname or ""
            port = "" if self._url.port is None else f":{self._url.port}"
            path = quote(self._url.path.rstrip("/"), safe=_KEPT_IN_PATH)
            self._query = f"?{quote(self._url.query, safe=_KEPT_IN_QUERY)}" if self._url.query else ""
        except ValueError as error:
            raise Cifar5mError("store/bad-location", "the address of the data set is not a URL. Correct it.") from error
        if not self._host:
            raise Cifar5mError("store/bad-location", "the address of the data set must name a host. Correct it.")
        self._netloc = (f"[{self._host}]" if ":" in self._host else self._host) + port
        self._headers = {**self._credentials(), **headers, "Accept-Encoding": "identity"}
        self._timeout_s = timeout_s
        self._opener: urllib.request.OpenerDirector | None = None
        self.location = urlunsplit((self._url.scheme, self._netloc, path, "", ""))

    def url_of(self, name: str) -> str:
        """URL of an object, without secrets."""
        return f"{self.location}/{name}"

    def read(self, name: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object from `start` on, in pieces. Raises as `ObjectStore.read`."""
        try:
            headers = {**self._headers, "Range": f"bytes={start}-"} if start > 0 else self._headers
            request = urllib.request.Request(self.url_of(name) + self._query, headers=headers)
            with self._open(request) as reply:
                encoding = reply.headers.get("Content-Encoding", "identity").strip().lower()
                if encoding not in ("", "identity"):
                    what = f"{self.url_of(name)} must be sent as it is, it comes with Content-Encoding {encoding}."
                    raise Cifar5mError("store/wrong-content", f"{what} Switch compression off on the server.")
                expected = reply.headers.get("Content-Length")
                received = 0
                # A server that knows no ranges sends everything.
                num_known = start if reply.status == 200 else 0
                while piece := reply.read(_PIECE_BYTES):
                    received += len(piece)
                    yield piece[num_known:]
                    num_known -= min(num_known, len(piece))
                if expected is not None and expected.isdigit() and received < int(expected):
                    raise TransferError(f"{received} of {expected} bytes")
        except urllib.error.HTTPError as error:
            error.close()
            raise refusal(self.url_of(name), error.code) from None
        except (OSError, http.client.HTTPException) as error:
            raise TransferError(str(getattr(error, "reason", error)) or type(error).__name__) from error
        except ValueError as error:
            what = (
                f"{self.location} must be an address, with headers, that HTTP can send. Look for line breaks in them."
            )
            raise Cifar5mError("store/bad-header", what) from error

    def _open(self, request: urllib.request.Request) -> Any:
        if self._opener is None:
            self._opener = urllib.request.build_opener(_SafeRedirects)
        return self._opener.open(request, timeout=self._timeout_s)

    def __getstate__(self) -> dict[str, Any]:
        # It holds a context of ssl, which cannot be pickled.
        return {**self.__dict__, "_opener": None}

    def _credentials(self) -> dict[str, str]:
        if self._url.username is None:
            return {}
        pair = f"{unquote(self._url.username)}:{unquote(self._url.password or '')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """urllib would send our headers, which may be keys, to whoever a server names."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if request is not None and (before.scheme, before.netloc) != (after.scheme, after.netloc):
            request.headers = {key: value for key, value in request.headers.items() if key in _SENT_ELSEWHERE}
        return request
