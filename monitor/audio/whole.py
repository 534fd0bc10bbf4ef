"""Is a recording whole? What its header promises against what the file holds.

FFmpeg quietly stops at the end of a file that was cut off, and shortens the
duration it reports to match. So the promise is read here, from the container.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from monitor.audio.parts import Part

_OGG_PAGE_MOST = 65_307  # bytes in the largest possible Ogg page (RFC 3533, section 6)
_EXACT = frozenset({"flac", "mov", "aiff", "caf"})
_SLACK_S = 0.25  # encoder delay and padding, which headers count differently


@dataclass(frozen=True, slots=True)
class Promise:
    """`seconds` as declared, None when nothing reliable is; `torn` when bytes are missing.

    `counted`: bytes and declared length have been compared, and nothing else counts.
    """

    seconds: float | None = None
    torn: bool = False
    counted: bool = False

    def broken_by(self, read_s: float) -> bool:
        """Whether audio is missing when only `read_s` seconds could be read."""
        if self.torn or self.counted or self.seconds is None:
            return self.torn
        return read_s < self.seconds - _SLACK_S


def promise(file: BinaryIO, part: Part, duration_s: float | None) -> Promise:
    """What a part of `file` declares; `duration_s` as FFmpeg sees it.

    FFmpeg's duration is believed only where it comes from the header; elsewhere
    it is guessed from the bit rate.
    """
    if part.kind == "wav":
        return Promise(part.layout.promised, part.layout.torn, counted=True)
    if part.layout.torn or part.layout.promised is not None:
        return Promise(part.layout.promised, part.layout.torn)
    if part.kind == "ogg":
        # FFmpeg takes the length from the last page; of a torn file it is not the whole.
        return Promise(torn=True) if _ogg_torn(file) else Promise(duration_s)
    if part.kind == "mp3":
        counted = _mp3_seconds(file, part.start)
        # FFmpeg takes off what the encoder padded, but guesses where more was appended.
        return Promise(
            counted if duration_s is None or counted is None else min(counted, duration_s)
        )
    return Promise(duration_s if part.kind in _EXACT else None)


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


def _mp3_seconds(file: BinaryIO, start: int) -> float | None:
    """What an encoder's tag in the first frame says (Xing/Info or VBRI: they count the frames)."""
    file.seek(start)
    frame = file.read(4096)
    if len(frame) < 4 or frame[2] >> 2 & 3 == 3:
        return None
    first = frame[1] >> 3 & 3 == 3  # MPEG-1, with twice the samples in a frame
    halved = 1 if first else 2 if frame[1] >> 3 & 3 == 2 else 4
    rate = (44_100, 48_000, 32_000)[frame[2] >> 2 & 3] // halved
    for tag in (b"Xing", b"Info", b"VBRI"):
        at = frame.find(tag)
        if at < 0:
            continue
        counted = tag == b"VBRI" or (len(frame) > at + 8 and frame[at + 7] & 1)
        count = frame[at + 14 : at + 18] if tag == b"VBRI" else frame[at + 8 : at + 12]
        if counted and len(count) == 4:
            return int.from_bytes(count, "big") * (1152 if first else 576) / rate
    return None
