"""What kind of recording is this? Told by its bytes, never by its name.

One answer for every way in: what the server takes as an upload is exactly what
the decoder opens. Bytes of zero in front (call loggers, radio recorders) and
tags are passed over.
"""

from __future__ import annotations

from typing import BinaryIO, Literal, TypeAlias

Kind: TypeAlias = Literal[
    "wav", "w64", "aiff", "au", "caf", "mp3", "aac", "flac", "ogg", "mov", "matroska", "asf", "amr"
]
"""FFmpeg's name of the container."""

ENDINGS: dict[Kind, str] = {
    "wav": ".wav",
    "w64": ".w64",
    "aiff": ".aiff",
    "au": ".au",
    "caf": ".caf",
    "mp3": ".mp3",
    "aac": ".aac",
    "flac": ".flac",
    "ogg": ".ogg",
    "mov": ".m4a",
    "matroska": ".mka",
    "asf": ".wma",
    "amr": ".amr",
}
"""The usual ending of a file of each kind."""

_SIGNS: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"riff\x2e\x91\xcf\x11", "w64"),
    (0, b".snd", "au"),
    (0, b"caff", "caf"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"#!AMR", "amr"),
    (0, b"\x1aE\xdf\xa3", "matroska"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "asf"),
    *((4, box, "mov") for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")),
)
_RIFF = frozenset({b"RIFF", b"RIFX", b"RF64", b"BW64"})
_HEAD = 64 * 1024  # bytes looked at for the first frames of MPEG audio
_ZEROS = 4 * 1024 * 1024  # zero bytes passed over at most
_TAGS = 8  # ID3 tags passed over, one behind the other

# Bit rates in kbit/s and samples per frame by (MPEG-1, layer), ISO 11172-3 and 13818-3.
_RATES: dict[tuple[bool, int], tuple[int, ...]] = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HERTZ = (44_100, 48_000, 32_000)


def look(file: BinaryIO) -> tuple[Kind, int] | None:
    """The kind of a recording and where it begins; None where it is no recording of a known kind.

    The file is left at its start.
    """
    try:
        return _look(file)
    finally:
        file.seek(0)


def _look(file: BinaryIO) -> tuple[Kind, int] | None:
    start = _first_byte(file)
    if start is None:
        return None
    # The length of an MP4 box, big-endian, may begin with zeros of its own.
    for at in range(start, max(start - 4, -1), -1):
        begin = _behind_tags(file, at)
        file.seek(begin)
        kind = kind_of(file.read(_HEAD))
        if kind is not None:
            return kind, begin
    return None


def _first_byte(file: BinaryIO) -> int | None:
    """Where the first byte that is not zero stands."""
    file.seek(0)
    at = 0
    while at < _ZEROS and (block := file.read(_HEAD)):
        rest = block.lstrip(b"\0")
        if rest:
            return at + len(block) - len(rest)
        at += len(block)
    return None


def _behind_tags(file: BinaryIO, at: int) -> int:
    """Behind ID3 version 2 tags (id3.org, ID3v2.4 section 3.1)."""
    for _ in range(_TAGS):
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:10]) > 127:
            break
        footer = 10 if head[5] & 0x10 else 0
        at += 10 + footer + sum(byte << (7 * (3 - i)) for i, byte in enumerate(head[6:10]))
        file.seek(at)
        padding = file.read(_HEAD)
        at += len(padding) - len(padding.lstrip(b"\0"))
    return at


def kind_of(head: bytes) -> Kind | None:
    """The kind of a recording that begins like this; give it some kilobytes where there are."""
    if head[:4] in _RIFF and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    for at, sign, kind in _SIGNS:
        if head[at : at + len(sign)] == sign:
            return kind
    return _frames(head)


def _frames(head: bytes) -> Kind | None:
    """MPEG audio or AAC in ADTS: a frame at the start, or two that follow each other."""
    at = head.find(b"\xff")
    while 0 <= at < len(head) - 4:
        for kind, length in (("mp3", _mpeg_frame(head, at)), ("aac", _adts_frame(head, at))):
            if not length:
                continue
            after = at + length
            again = _mpeg_frame if kind == "mp3" else _adts_frame
            if after + 7 > len(head):
                if at == 0:  # one frame longer than what there is to see
                    return kind  # type: ignore[return-value]  # one of the two above
            elif again(head, after):
                return kind  # type: ignore[return-value]
        at = head.find(b"\xff", at + 1)
    return None


def _mpeg_frame(data: bytes, at: int) -> int:
    """The length of the frame of MPEG audio that begins here; 0: none does."""
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return 0
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    rate, hertz, padding = data[at + 2] >> 4, data[at + 2] >> 2 & 3, data[at + 2] >> 1 & 1
    if version == 1 or layer == 4 or rate in (0, 15) or hertz == 3:
        return 0
    first = version == 3
    kbit = _RATES[first, layer][rate]
    sampled = _HERTZ[hertz] // (1 if first else 2 if version == 2 else 4)
    if layer == 1:
        return (12_000 * kbit // sampled + padding) * 4
    slots = 144_000 if layer == 2 or first else 72_000
    return slots * kbit // sampled + padding


def _adts_frame(data: bytes, at: int) -> int:
    """The length of the ADTS frame that begins here (ISO 13818-7, 6.2.1); 0: none does."""
    if len(data) < at + 7 or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
        return 0
    if data[at + 2] >> 2 & 15 > 12:
        return 0
    length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return length if length > 7 else 0
