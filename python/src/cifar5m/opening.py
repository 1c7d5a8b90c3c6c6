"""How data sets are opened, and told from what is none."""

from __future__ import annotations

import os
from typing import Any

from .dataset import Dataset
from .folder import FolderSource
from .location import hide_secrets, parse_location
from .remote.remote_options import RemoteOptions
from .require import out_of_range, require_choice, wrong_type

# About 87,000 images.
DEFAULT_MEMORY_BYTES = 256 * 2**20


def open_dataset(
    location: str | os.PathLike[str],
    *,
    split: str = "train",
    verify: bool = True,
    memory_bytes: float = DEFAULT_MEMORY_BYTES,
    remote: RemoteOptions | None = None,
) -> Dataset:
    """Opens a split of a published data set. Only the manifest is read; shards are opened, or fetched, when needed.

    Args:
        location: the folder that holds manifest.json, or its URL: `https://`, `http://`, `s3://bucket/prefix`,
            `file://`. A relative path is made absolute now, so that a later change of folder does no harm.
        split: `train` or `test`.
        verify: compare the sha256 of each shard with the manifest, once a process, before its first row is served.
            False trusts the disk; fetched shards are always compared.
        memory_bytes: images held in memory: those of the split if they all fit, else those of each finite subset that
            fits; other images are read when they are served. Besides, 12 bytes a row are held of each touched shard.
        remote: for data sets on a server.

    Raises:
        Cifar5mError: `manifest/…`, `json/corrupt`, `dataset/unknown-split`, `dataset/out-of-range`, `disk/…`,
            `store/…`.
    """
    require_choice("verify", verify, (True, False), area="dataset")
    if remote is not None and not isinstance(remote, RemoteOptions):
        action = "Pass RemoteOptions(tries=3), for example."
        # It may hold keys.
        raise wrong_type("remote", "a cifar5m.RemoteOptions", remote, action, "dataset")
    parsed = parse_location(location)
    if parsed.kind == "folder":
        source: Any = FolderSource(parsed.where, verify)
    else:
        from .remote.remote_source import open_remote

        source = open_remote(parsed, remote or RemoteOptions())
    return Dataset(source, source.read_manifest(), split, memory_bytes)


def require_dataset(dataset: Any) -> Dataset:
    """The data set itself. Raises `loader/out-of-range` for the path of one, or for one of another library."""
    if isinstance(dataset, Dataset):
        return dataset
    action = "Open it with cifar5m.open_dataset."
    if isinstance(dataset, str):
        raise out_of_range("dataset", "a cifar5m.Dataset", hide_secrets(dataset), action)
    raise wrong_type("dataset", "a cifar5m.Dataset", dataset, action)
