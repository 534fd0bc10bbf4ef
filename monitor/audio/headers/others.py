"""AIFF, AU, CAF and W64: lengths that are wrong, recordings that were appended."""

from __future__ import annotations

import math
import struct
from typing import BinaryIO

from monitor.audio.headers.layout import (
    SLACK_S,
    Layout,
    at,
    find,
    only_zeros,
    said_too_little,
    size_of,
)
from monitor.audio.views import Piece

_UNKNOWN32 = 0xFFFF_FFFF
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_W64_HEAD = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_CHUNKS = 10_000
_AU_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
"""Bytes per sample of AU's encodings (Sun, audio.h)."""


def au(file: BinaryIO, start: int) -> Layout:
    """AU: a header of 24 bytes or more, and sound to the end of the file."""
    size = size_of(file)
    head = at(file, start, 24)
    if len(head) < 24:
        return Layout(((start, size - start),))
    offset, length, encoding, rate, channels = struct.unpack(">4x5I", head)
    begin = start + offset
    end = find(file, b".snd\0\0", begin, size)
    if end < 0:
        end = size
    per_s = float(_AU_WIDTHS.get(encoding, 0) * rate * channels)
    there = max(0, end - begin)
    declared = there if length in (0, _UNKNOWN32) else length
    header = head[:8] + struct.pack(">I", _UNKNOWN32) + head[12:]
    pieces: tuple[Piece, ...] = (header, (start + 24, end - start - 24))
    return _layout(pieces, there, declared, per_s, offset, end if end < size else None)


def caf(file: BinaryIO, start: int) -> Layout:
    """CAF: chunks with lengths of 64 bits; the last one, the data's, may be -1."""
    size = size_of(file)
    position = start + 8
    per_s = 0.0
    for _ in range(_CHUNKS):
        head = at(file, position, 12)
        if len(head) < 12:
            break
        name, length = struct.unpack(">4sq", head)
        if name == b"desc":
            rate, _name, _flags, packet, frames = struct.unpack(
                ">d4s3I", at(file, position + 12, 24).ljust(24, b"\0")
            )
            per_s = packet * rate / frames if packet and frames and 0 < rate < 1e7 else 0.0
        if name == b"data":
            begin, there = position + 12, size - position - 12
            if length < 0:
                length = there
            behind = at(file, begin + length, 4)
            if length >= there or behind in (b"pakt", b"free", b"info", b"strg", b"mark", b"uuid"):
                break
            following = begin + length if behind == b"caff" else None
            if following is None and per_s and not only_zeros(file, begin + length, size):
                pieces: tuple[Piece, ...] = (
                    (start, position - start), b"data" + struct.pack(">q", there), (begin, there),
                )  # fmt: skip
                return _layout(pieces, there, length, per_s, begin - start, None)
            return Layout(((start, begin + length - start),), next=following)
        if length < 0:
            break
        position += 12 + length
    return Layout(((start, size - start),))


def w64(file: BinaryIO, start: int) -> Layout:
    """W64: like RIFF with lengths of 64 bits that count their own 24 bytes."""
    size = size_of(file)
    position = start + 40
    per_s = 0.0
    for _ in range(_CHUNKS):
        head = at(file, position, 24)
        if len(head) < 24:
            break
        length = struct.unpack("<Q", head[16:])[0]
        if head[:4] == b"fmt ":
            fmt = at(file, position + 24, 16)
            per_s = float(struct.unpack_from("<I", fmt.ljust(16, b"\0"), 8)[0])
        if head[:16] == _W64_DATA:
            begin, there = position + 24, size - position - 24
            length = there if length < 24 else length - 24
            after = find(file, _W64_HEAD, begin, size)
            end = after if after >= 0 else size
            named = at(file, begin + length + -length % 8, 24)
            if length < there and after < 0 and len(named) == 24 and named[4:16] == _W64_DATA[4:]:
                end = begin + length  # another chunk
            header = head[:16] + struct.pack("<Q", end - begin + 24)
            pieces: tuple[Piece, ...] = ((start, position - start), header, (begin, end - begin))
            following = after if after >= 0 else None
            return _layout(pieces, end - begin, length, per_s, begin - start, following)
        if length < 24:
            break
        position += length + -length % 8
    return Layout(((start, size - start),))


def aiff(file: BinaryIO, start: int) -> Layout:
    """AIFF and AIFF-C: `COMM` says how many frames, `SSND` holds them."""
    size = size_of(file)
    position = start + 12
    frames_at, frame = 0, 0
    rate = 0.0
    for _ in range(_CHUNKS):
        head = at(file, position, 8)
        if len(head) < 8:
            break
        name, length = struct.unpack(">4sI", head)
        body = position + 8
        if name == b"COMM":
            channels, _frames, bits = struct.unpack(">hIh", at(file, body, 8).ljust(8, b"\0"))
            coded = at(file, body + 18, 4) if length >= 22 else b"NONE"
            width = {b"ulaw": 1, b"ULAW": 1, b"alaw": 1, b"ALAW": 1, b"fl32": 4, b"FL32": 4,
                     b"fl64": 8, b"FL64": 8}.get(coded, -(-bits // 8))  # fmt: skip
            frame = channels * width if channels > 0 and bits > 0 else 0
            frames_at, rate = body + 2, _extended(at(file, body + 8, 10))
        if name == b"SSND":
            begin, there = body + 8, size - body - 8
            length = max(0, length - 8) or there
            behind = body + 8 + length
            following = next((p for p in (behind, behind + 1) if at(file, p, 4) == b"FORM"), None)
            whole = (
                length >= there - 1
                or any(_is_name(at(file, p, 4)) for p in (behind, behind + 1))
                or only_zeros(file, behind, size)
            )
            if not frame or not frames_at or not rate or following is not None:
                end = size if following is None else following
                return Layout(((start, end - start),), next=following)
            there = min(length, there) if whole else there
            pieces: tuple[Piece, ...] = (
                (start, frames_at - start), struct.pack(">I", there // frame),
                (frames_at + 4, position - frames_at - 4),
                b"SSND" + struct.pack(">I", there + 8) + bytes(8), (begin, there),
            )  # fmt: skip
            return _layout(pieces, there, length, frame * rate, begin - start, None)
        position = body + length + length % 2
    return Layout(((start, size - start),))


def _layout(
    pieces: tuple[Piece, ...],
    there: int,
    declared: int,
    per_s: float,
    header: int,
    following: int | None,
) -> Layout:
    remarks: tuple[str, ...] = ()
    if per_s and there - declared > SLACK_S * per_s:
        said, found = declared / per_s, there / per_s
        remarks = (said_too_little(said, found),)
    return Layout(
        pieces,
        seconds=there / per_s if per_s else None,
        promised=max(there, declared) / per_s if per_s else None,
        plain=False,
        torn=bool(per_s) and declared - there > max(header, SLACK_S * per_s),
        next=following,
        remarks=remarks,
    )


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and name.rstrip(b" ").isalnum()


def _extended(value: bytes) -> float:
    """An 80-bit floating-point number (IEEE 754 extended, as `COMM` has the rate)."""
    if len(value) < 10:
        return 0.0
    exponent, fraction = struct.unpack(">HQ", value)
    if exponent & 0x8000 or not 0x3FFF <= exponent < 0x3FFF + 32:
        return 0.0
    return math.ldexp(fraction, exponent - 0x3FFF - 63)
