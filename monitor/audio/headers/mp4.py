"""MP4 and its kin: one recording behind another in the same file."""

from __future__ import annotations

import struct
from typing import BinaryIO

from monitor.audio.headers.layout import Layout, at, size_of

_BOXES = 100_000


def read(file: BinaryIO, start: int) -> Layout:
    """The recording that begins at `start`: up to a second `ftyp` box behind its `moov`."""
    size = size_of(file)
    position, moov = start, False
    for _ in range(_BOXES):
        head = at(file, position, 16)
        if len(head) < 8:
            break
        length, name = struct.unpack(">I4s", head[:8])
        if name == b"ftyp" and moov and position > start:
            return Layout(((start, position - start),), next=position)
        moov |= name == b"moov"
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        if length < 8:
            break
        position += length
    return Layout(((start, size - start),))
