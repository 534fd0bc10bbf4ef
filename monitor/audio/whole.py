"""Is a recording whole? What its header promises against what the file holds.

FFmpeg quietly stops at the end of a file that was cut off, and shortens the
duration it reports to match. So the promise is read here, from the container.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_OGG_PAGE_MOST = 65_307  # bytes in the largest possible Ogg page (RFC 3533, section 6)
_EXACT = frozenset({"flac", "mov", "aiff", "caf"})
_SLACK_S = 0.25  # encoder delay and padding, which headers count differently


@dataclass(frozen=True, slots=True)
class Promise:
    """`seconds` as declared, None when nothing reliable is; `torn` when bytes are missing."""

    seconds: float | None = None
    torn: bool = False

    def broken_by(self, read_s: float) -> bool:
        """Whether audio is missing when only `read_s` seconds could be read."""
        return self.torn or (self.seconds is not None and read_s < self.seconds - _SLACK_S)


def promise(path: Path, container: str, duration_s: float | None) -> Promise:
    """What `path` declares; `container` and `duration_s` as FFmpeg sees them.

    FFmpeg's duration is believed only where it comes from the header; elsewhere
    it is guessed from the bit rate.
    """
    name = container.split(",", maxsplit=1)[0]
    with path.open("rb") as file:
        if name == "wav":
            return _wav(file)
        if name == "ogg":
            # FFmpeg takes the length from the last page; of a torn file it is not the whole.
            return Promise(torn=True) if _ogg_torn(file) else Promise(duration_s)
        if name in _EXACT or (name == "mp3" and _mp3_counts_frames(file)):
            return Promise(duration_s)
    return Promise()


def _wav(file: BinaryIO) -> Promise:
    """RIFF: the length of the data chunk against the bytes that are there.

    Recorders that write to a pipe declare a length of zero, or of nearly 2 or 4 GiB.
    """
    size = file.seek(0, 2)
    file.seek(12)
    byte_rate = align = 0
    while len(head := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", head)
        if name == b"data":
            there = size - file.tell()
            unknown = length == 0 or length >= 0x7FFF_0000
            declared = there if unknown else length
            seconds = declared / byte_rate if byte_rate else None
            return Promise(seconds, torn=declared - there > align)
        body = file.read(length + length % 2)
        if name == b"fmt " and len(body) >= 14:
            byte_rate, align = struct.unpack_from("<IH", body, 8)
    return Promise()


def _ogg_torn(file: BinaryIO) -> bool:
    """Whether the last page stops before its own end."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 2 * _OGG_PAGE_MOST))
    tail = file.read()
    start = tail.rfind(b"OggS")
    # "OggS" can occur inside a page by chance; a page's version byte is zero.
    while start > 0 and tail[start + 4 : start + 5] not in (b"\0", b""):
        start = tail.rfind(b"OggS", 0, start)
    if start < 0:
        return True
    page = tail[start:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _mp3_counts_frames(file: BinaryIO) -> bool:
    """Whether the first frame is an encoder's tag, which carries the number of frames."""
    head = file.read(10)
    skip = 0
    if head[:3] == b"ID3" and len(head) == 10:  # its size has 7 bits per byte
        skip = 10 + sum(byte << (7 * (3 - i)) for i, byte in enumerate(head[6:10]))
    file.seek(skip)
    frame = file.read(4096)
    return any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))
