"""Where the columns of every record batch lie in an Arrow IPC file, found from its metadata without reading rows.

pyarrow checks the schema; it tells no positions in the file, so the few tables of flatbuffers that hold them are read
here. Each length is compared with the bytes there are.

See Schema.fbs, Message.fbs and File.fbs of Apache Arrow, and the internals of FlatBuffers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .errors import DAMAGED_FILE_ADVICE, Cifar5mError
from .positioned_file import PositionedFile

MAGIC = b"ARROW1"
IMAGE_BYTES = 32 * 32 * 3
_RECORD_BATCH = 3

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """A column of a shard: values a row, and bytes of each value."""

    name: str
    dtype: np.dtype[np.generic]
    width: int
    is_list: bool


@dataclass(frozen=True)
class ArrowLayout:
    """Where the rows of a file lie.

    Attributes:
        rows: of the whole file.
        batch_starts: first row of each record batch, int64, shape [batches].
        positions: byte position of the first value of each record batch, int64, shape [batches], by column.
    """

    rows: int
    batch_starts: Positions
    positions: dict[str, Positions]


def shard_columns(num_classes: int) -> tuple[Column, ...]:
    """Columns of a published shard, in the order of the file."""
    return (
        Column("id", np.dtype("<i8"), 1, False),
        Column("image", np.dtype("u1"), IMAGE_BYTES, True),
        Column("label", np.dtype("<i8"), 1, False),
        Column("class", np.dtype("<i8"), 1, False),
        Column("confidence", np.dtype("<f4"), 1, False),
        Column("probabilities", np.dtype("<f4"), num_classes, True),
    )


def read_layout(file: PositionedFile, columns: tuple[Column, ...]) -> ArrowLayout:
    """Finds where the rows of an open file lie.

    Raises:
        Cifar5mError: `table/truncated`, `table/corrupt`, `table/schema-mismatch`, `table/compressed`,
            `table/has-nulls`.
    """
    footer = _read_footer(file)
    _require_schema(file, footer, columns)
    try:
        return _locate(file, footer, columns)
    except (struct.error, ValueError, OverflowError) as error:
        raise _corrupt(file, f"its metadata cannot be read ({error})") from error


def _read_footer(file: PositionedFile) -> bytes:
    if file.bytes < 20 or file.read(0, len(MAGIC)) != MAGIC:
        raise _corrupt(file, "it must start with ARROW1")
    num_bytes, magic = struct.unpack("<i6s", file.read(file.bytes - 10, 10))
    if magic != MAGIC:
        raise Cifar5mError(
            "table/truncated",
            f"{file.path} must end with ARROW1, it was cut off at {file.bytes} bytes or overwritten. "
            f"{DAMAGED_FILE_ADVICE}",
        )
    start = file.bytes - 10 - num_bytes
    if num_bytes <= 0 or start < 8:
        raise _corrupt(file, f"its footer cannot be {num_bytes} bytes")
    return file.read(start, num_bytes)


def _require_schema(file: PositionedFile, footer: bytes, columns: tuple[Column, ...]) -> None:
    # A file without rows has the same footer, and nothing else for pyarrow to read.
    without_rows = MAGIC + b"\0\0" + footer + struct.pack("<i", len(footer)) + MAGIC
    try:
        schema = pa.ipc.open_file(pa.BufferReader(without_rows)).schema
        seen = [f"{field.name}: {_describe(field.type)}" for field in schema]
    # Some of pyarrow's own errors, and that of a name that is not UTF-8, are a ValueError.
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _corrupt(file, f"its schema cannot be read ({error})") from error
    wanted = [f"{column.name}: {_type_of(column)}" for column in columns]
    for index in range(max(len(wanted), len(seen))):
        expected, found = (names[index] if index < len(names) else "nothing" for names in (wanted, seen))
        if expected != found:
            raise Cifar5mError(
                "table/schema-mismatch",
                f"column {index} of {file.path} must be {expected}, got {found}. "
                "Build the file again with this release.",
            )


def _type_of(column: Column) -> str:
    element = {"int64": "int64", "uint8": "uint8", "float32": "float"}[column.dtype.name]
    return f"{element}[{column.width}]" if column.is_list else element


def _describe(type_: pa.DataType) -> str:
    # The name of the item field carries no meaning: writers differ in it.
    return f"{type_.value_type}[{type_.list_size}]" if pa.types.is_fixed_size_list(type_) else str(type_)


def _locate(file: PositionedFile, footer: bytes, columns: tuple[Column, ...]) -> ArrowLayout:
    starts, positions = [], []
    first_row, bytes_left, last_metadata, last_header = 0, file.bytes, b"", None
    for offset, metadata_bytes, _, body_bytes in _FlatTable.root(footer).structs(3, "<qiiq"):
        # Batches on top of each other could be any number, of any size.
        bytes_left -= metadata_bytes + body_bytes
        if offset < 0 or metadata_bytes < 8 or body_bytes < 0 or bytes_left < 0:
            raise _corrupt(file, "its record batches are larger than itself")
        body_start = offset + metadata_bytes
        if body_start + body_bytes > file.bytes:
            raise _corrupt(file, "a record batch points outside the file")
        metadata = file.read(offset + 8, metadata_bytes - 8)
        # Batches of equal size have equal metadata, and decoding it is most of the work.
        if last_header is None or metadata != last_metadata:
            last_metadata, last_header = metadata, _read_header(file, metadata, columns, body_bytes)
        rows, offsets = last_header
        if max(offsets.values()) > body_bytes:
            raise _corrupt(file, "a record batch points outside the file")
        starts.append(first_row)
        positions.append([body_start + offsets[column.name] for column in columns])
        first_row += rows
    table = np.array(positions, np.int64).reshape(-1, len(columns))
    by_name = {column.name: np.ascontiguousarray(table[:, index]) for index, column in enumerate(columns)}
    return ArrowLayout(first_row, np.array(starts, np.int64), by_name)


def _read_header(
    file: PositionedFile, metadata: bytes, columns: tuple[Column, ...], body_bytes: int
) -> tuple[int, dict[str, int]]:
    """Rows of a record batch, and the offset in its body of each column's values."""
    message = _FlatTable.root(metadata)
    if message.number(1, "<B") != _RECORD_BATCH:
        raise ValueError("an entry of the footer is not a record batch")
    header = message.table(2)
    rows = header.number(0, "<q")
    nodes, buffers = header.structs(1, "<qq"), header.structs(2, "<qq")
    if rows < 0:
        raise ValueError(f"a record batch cannot have {rows} rows")
    if header.has(3):
        raise Cifar5mError("table/compressed", f"{file.path} must not be compressed. Write it again uncompressed.")
    if any(num_nulls != 0 for _, num_nulls in nodes):
        raise Cifar5mError("table/has-nulls", f"{file.path} must hold no nulls. Build it again.")
    offsets, next_buffer = {}, 0
    for column in columns:
        # A validity bitmap comes before the values, also when it is empty, and a list has one of its own.
        next_buffer += 2 if column.is_list else 1
        if next_buffer >= len(buffers):
            raise ValueError(f"column {column.name} has no values")
        offset, num_bytes = buffers[next_buffer]
        wanted = rows * column.width * column.dtype.itemsize
        if offset < 0 or num_bytes < wanted or offset + wanted > body_bytes:
            raise ValueError(f"column {column.name} has fewer values than its {rows} rows")
        offsets[column.name] = offset
        next_buffer += 1
    return rows, offsets


def _corrupt(file: PositionedFile, what: str) -> Cifar5mError:
    return Cifar5mError(
        "table/corrupt",
        f"{file.path} must be an Arrow IPC file: {what}. {DAMAGED_FILE_ADVICE}",
    )


class _FlatTable:
    """A table of flatbuffers. Whatever points outside the bytes raises ValueError or struct.error."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position
        self._vtable = position - self._read("<i", position)
        self._num_slots = (self._read("<H", self._vtable) - 4) // 2

    @classmethod
    def root(cls, data: bytes) -> _FlatTable:
        return cls(data, struct.unpack_from("<I", data)[0])

    def has(self, slot: int) -> bool:
        return self._offset(slot) != 0

    def number(self, slot: int, format: str) -> int:
        offset = self._offset(slot)
        return self._read(format, self._position + offset) if offset else 0

    def table(self, slot: int) -> _FlatTable:
        return _FlatTable(self._data, self._target(slot))

    def structs(self, slot: int, format: str) -> list[tuple[int, ...]]:
        if not self.has(slot):
            return []
        start = self._target(slot)
        end = start + 4 + self._read("<I", start) * struct.calcsize(format)
        if end > len(self._data):
            raise ValueError(f"a vector ends at {end} of {len(self._data)} bytes")
        return list(struct.iter_unpack(format, self._data[start + 4 : end]))

    def _target(self, slot: int) -> int:
        at = self._position + self._offset(slot)
        return at + self._read("<I", at)

    def _offset(self, slot: int) -> int:
        return self._read("<H", self._vtable + 4 + 2 * slot) if slot < self._num_slots else 0

    def _read(self, format: str, at: int) -> int:
        if at < 0:
            raise ValueError("an offset points before the start")
        value: int = struct.unpack_from(format, self._data, at)[0]
        return value
