"""A real HTTP server of a folder, of this machine, which may make trouble."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `trouble` may answer in its stead."""

    trouble: Callable[[Handler], bool] = staticmethod(lambda handler: False)
    seen: ClassVar[list[tuple[str, dict[str, str]]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}))
        if not self.trouble(self):
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve_folder(folder: Path, trouble: Callable[[Handler], bool] | None = None) -> Iterator[tuple[str, list[Any]]]:
    seen: list[Any] = []

    class OwnHandler(Handler):
        pass

    OwnHandler.seen = seen
    if trouble is not None:
        OwnHandler.trouble = staticmethod(trouble)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: OwnHandler(*args, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
