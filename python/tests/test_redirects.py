"""Servers that redirect to others."""

from __future__ import annotations

from pathlib import Path

from http_folder import Handler, serve_folder
from serving import open_quickly

from cifar5m import open_dataset


def test_only_headers_of_the_transfer_reach_a_server_that_another_one_names(folder: Path, tmp_path: Path) -> None:
    data = (folder / "train/part-00000.arrow").read_bytes()

    def cut(handler: Handler) -> bool:
        first = int(handler.headers.get("Range", "bytes=0-")[6:-1])
        handler.send_response(206 if first > 0 else 200)
        handler.send_header("Content-Length", str(len(data) - first))
        handler.end_headers()
        handler.wfile.write(data[first : first + len(data) // 2 + 1])
        return True

    with serve_folder(folder, cut) as (other, seen_by_other):

        def redirect(handler: Handler) -> bool:
            if "arrow" not in handler.path:
                return False
            handler.send_response(302)
            handler.send_header("Location", other + handler.path)
            handler.end_headers()
            return True

        with serve_folder(folder, redirect) as (url, seen):
            address, headers = url.replace("http://", "http://me:secret@"), {"X-Api-Key": "k"}
            dataset = open_quickly(address, headers=headers, cache_directory=tmp_path)
            assert dataset[0].id == open_dataset(folder)[0].id
    assert all(headers["x-api-key"] == "k" and headers["authorization"] == "Basic bWU6c2VjcmV0" for _, headers in seen)
    assert seen_by_other and all(
        "x-api-key" not in headers and "authorization" not in headers for _, headers in seen_by_other
    )
    # A download that was cut goes on where it ended.
    assert [headers.get("range") for _, headers in seen_by_other] == [None, f"bytes={len(data) // 2 + 1}-"]
