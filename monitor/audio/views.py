"""A file as if it were laid out otherwise: a header of ours, then the places where the sound is."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from typing import BinaryIO, TypeAlias

import numpy as np

Piece: TypeAlias = "bytes | tuple[int, int]"
"""Bytes of our own, or a stretch of the file: where it begins, how long it is."""


class View(io.RawIOBase):
    """Reads pieces one after the other. The file below stays open when the view is closed.

    `swap` is the width of the values (2, 3, 4 or 8 bytes) whose bytes are turned
    round in stretches of the file.
    """

    def __init__(self, file: BinaryIO, pieces: Sequence[Piece], swap: int = 1) -> None:
        super().__init__()
        self._file = file
        self._pieces = [piece for piece in pieces if _length(piece)]
        self._starts: list[int] = []
        self._size = 0
        for piece in self._pieces:
            self._starts.append(self._size)
            self._size += _length(piece)
        self._at = 0
        self._swap = swap

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        wanted = self._size - self._at if size < 0 else size
        found: list[bytes] = []
        while wanted > 0 and self._at < self._size:
            number = bisect_right(self._starts, self._at) - 1
            part = self._read(self._pieces[number], self._at - self._starts[number], wanted)
            if not part:
                break  # the file has become shorter
            found.append(part)
            self._at += len(part)
            wanted -= len(part)
        return b"".join(found)

    def readall(self) -> bytes:
        return self.read()

    def _read(self, piece: Piece, skip: int, wanted: int) -> bytes:
        if isinstance(piece, bytes):
            return piece[skip : skip + wanted]
        start, length = piece
        wanted = min(wanted, length - skip)
        if self._swap == 1:
            self._file.seek(start + skip)
            return self._file.read(wanted)
        first = skip - skip % self._swap
        last = min(-(-(skip + wanted) // self._swap) * self._swap, length)
        self._file.seek(start + first)
        data = self._file.read(last - first)
        whole = len(data) - len(data) % self._swap
        turned = np.frombuffer(data[:whole], np.uint8).reshape(-1, self._swap)[:, ::-1].tobytes()
        return (turned + data[whole:])[skip - first : skip - first + wanted]


def _length(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece[1]
