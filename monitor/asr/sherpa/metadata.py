"""What an ONNX file says of itself, without loading its network.

sherpa-onnx ends the whole process when a model lacks an entry it needs, so
entries are looked at before it is given the file. An ONNX file is a protobuf
message (`ModelProto` of onnx.proto): fields in any order, of which only
`metadata_props` is read; the graph, with all the weights, is skipped over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from monitor.base.errors import UserError
from monitor.base.i18n import tr

_METADATA_PROPS = 14  # field numbers of ModelProto …
_KEY, _VALUE = 1, 2  # … and of StringStringEntryProto
_VARINT, _BYTES = 0, 2  # wire types …
_FIXED = MappingProxyType({1: 8, 5: 4})  # … and those of so many bytes
_LONGEST = 1 << 24  # bytes of an entry; the statistics of Paraformer are some thousand


def read(file: Path) -> dict[str, str]:
    """The entries of an ONNX file's metadata.

    Raises:
        UserError: it cannot be read, or is no ONNX file.
    """
    entries: dict[str, str] = {}
    try:
        with file.open("rb") as stream:
            size = file.stat().st_size
            for field, wire in _fields(stream):
                if field == _METADATA_PROPS and wire == _BYTES:
                    key, value = _entry(stream, _length(stream))
                    entries[key] = value
                else:
                    _skip(stream, wire, size)
    except OSError as error:
        raise UserError(
            tr(f"{file}：无法读取（{error.strerror}）", f"{file}: unreadable ({error.strerror})")
        ) from error
    except ValueError as error:
        raise UserError(
            tr(f"{file}：不是完整的 ONNX 文件", f"{file}: not a whole ONNX file")
        ) from error
    return entries


def _fields(stream: BinaryIO) -> Iterator[tuple[int, int]]:
    """Number and wire type of each field; the caller reads or skips its content."""
    while True:
        first = stream.read(1)
        if not first:
            return
        key = _varint(stream, first)
        if not key >> 3:
            raise ValueError("no field has the number 0")
        yield key >> 3, key & 7


def _entry(stream: BinaryIO, length: int) -> tuple[str, str]:
    end = stream.tell() + length
    parts = {_KEY: "", _VALUE: ""}
    while stream.tell() < end:
        key = _varint(stream, stream.read(1))
        data = stream.read(_length(stream))
        parts[key >> 3] = data.decode("utf-8")
    return parts[_KEY], parts[_VALUE]


def _skip(stream: BinaryIO, wire: int, size: int) -> None:
    if wire == _VARINT:
        _varint(stream, stream.read(1))
    elif wire == _BYTES:
        stream.seek(_varint(stream, stream.read(1)), 1)
    elif wire in _FIXED:
        stream.seek(_FIXED[wire], 1)
    else:
        raise ValueError(f"unknown wire type {wire}")
    if stream.tell() > size:
        raise ValueError("the file ends in the middle of a field")


def _length(stream: BinaryIO) -> int:
    length = _varint(stream, stream.read(1))
    if length > _LONGEST:
        raise ValueError("an entry of metadata is never so long")
    return length


def _varint(stream: BinaryIO, first: bytes) -> int:
    """An integer of seven bits per byte, least significant first."""
    value, shift, byte = 0, 0, first
    while byte:
        value |= (byte[0] & 0x7F) << shift
        if not byte[0] & 0x80:
            return value
        shift += 7
        if shift > 63:
            break
        byte = stream.read(1)
    raise ValueError("not an integer")
