"""What a header and the bytes behind it come to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from monitor.audio.views import Piece
from monitor.base.i18n import tr

SLACK_S = 0.1
"""A shortfall of less is a careless header, not damage."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One recording in a file.

    `pieces` is what the decoder is to read. `seconds` is how long that lasts (None: not known
    from the header), `torn` that bytes are missing, `promised` how long it would be with them.
    `gain` multiplies the samples. `plain`: what the file says of itself is so, and whoever goes
    by its header alone hears the same. `next` is where another recording begins in the file.
    """

    pieces: tuple[Piece, ...]
    swap: int = 1
    seconds: float | None = None
    promised: float | None = None
    torn: bool = False
    gain: float = 1.0
    signed_bytes: bool = False
    plain: bool = True
    next: int | None = None
    remarks: tuple[str, ...] = ()


_FARTHEST = 1 << 42  # file systems refuse to look farther


def size_of(file: BinaryIO) -> int:
    return file.seek(0, 2)


def at(file: BinaryIO, start: int, length: int) -> bytes:
    """The bytes of a stretch; fewer where the file ends, none where it cannot be."""
    if not 0 <= start < _FARTHEST or length <= 0:
        return b""
    file.seek(start)
    return file.read(length)


def only_zeros(file: BinaryIO, start: int, end: int) -> bool:
    """Whether a stretch holds nothing: recorders that write whole sectors pad like this."""
    if not 0 <= start < _FARTHEST:
        return False
    file.seek(start)
    left = end - start
    while left > 0 and (block := file.read(min(left, 1 << 20))):
        if block.count(0) != len(block):
            return False
        left -= len(block)
    return True


def looks_like_text(file: BinaryIO, start: int, end: int) -> bool:
    """Whether a stretch reads like text (notes, XML, HTML that something put behind the sound)."""
    sample = at(file, start, min(end - start, 4096))
    if not sample:
        return False
    plain = sum(32 <= byte < 127 or byte in b"\t\r\n" for byte in sample)
    return plain >= 0.95 * len(sample) and len(set(sample)) > 4


def find(file: BinaryIO, sign: bytes, start: int, end: int) -> int:
    """Where bytes first occur in a stretch; -1 if nowhere."""
    step = 1 << 20
    position = start
    while position < end:
        block = at(file, position, min(step + len(sign) - 1, end - position))
        found = block.find(sign)
        if found >= 0:
            return position + found
        if len(block) < len(sign):
            return -1
        position += step
    return -1


def said_too_little(said: float, found: float) -> str:
    """The remark on a header that knows of a part of the sound only."""
    return tr(
        f"文件头只写了 {said:.1f} 秒，实际有 {found:.1f} 秒声音，已全部读取",
        f"the header says {said:.1f} s, but there are {found:.1f} s of sound: all of it was read",
    )
