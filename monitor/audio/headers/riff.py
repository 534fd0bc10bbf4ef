"""WAV in all its dialects (RIFF, RIFX, RF64, BW64): the sound between its chunks.

Recorders write the header near the start and never again, append to files that
they had closed, put the file's length in place of the data's, leave out pad
bytes. So lengths are compared with what is there, and FFmpeg is given a header
that is right. Chunks: Multimedia Programming Interface and Data Specifications
1.0 (1991); RF64: EBU Tech 3306; BW64: ITU-R BS.2088.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from monitor.audio.headers.layout import (
    SLACK_S,
    Layout,
    at,
    find,
    looks_like_text,
    only_zeros,
    said_too_little,
    size_of,
)
from monitor.base.errors import UserError
from monitor.base.i18n import tr

MAGICS = frozenset({b"RIFF", b"RIFX", b"RF64", b"BW64"})

_METADATA = frozenset(
    {
        b"LIST", b"INFO", b"bext", b"iXML", b"axml", b"bxml", b"sxml", b"chna", b"id3 ", b"ID3 ",
        b"cue ", b"smpl", b"inst", b"fact", b"PEAK", b"JUNK", b"junk", b"PAD ", b"FLLR", b"_PMX",
        b"cart", b"levl", b"umid", b"ubxt", b"DISP", b"acid", b"strc", b"plst", b"adtl", b"note",
        b"labl", b"ltxt", b"afsp", b"link", b"minf", b"elm1", b"regn", b"ovwf", b"mext", b"dbmd",
        b"SyLp", b"Cr8r", b"CSET", b"ICRD", b"ISFT", b"aXML", b"XMP ", b"clm ", b"guan", b"wavl",
    }
)  # fmt: skip
"""Chunks that are never sound."""

_UNKNOWN = 0x7FFF_0000  # lengths from here on: a recorder that writes to a pipe
_TAIL = 1 << 20  # metadata behind sound of undeclared length is looked for in so many bytes
_LOST = 1 << 16  # where a chunk's length is wrong, the next one is looked for this far
_CHUNKS = 10_000  # more than any real file has
_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_GUID = bytes.fromhex("000000001000800000aa00389b71")  # behind a tag in an extensible format
_EXACT = frozenset({_PCM, _FLOAT, _ALAW, _MULAW})  # one sample per channel in each block
_BLOCKS = frozenset({0x02, 0x11, 0x31})  # MS and IMA ADPCM, GSM 6.10: the format says how many


@dataclass(frozen=True, slots=True)
class Format:
    """The `fmt ` chunk, mended; `body` is what FFmpeg is given."""

    tag: int
    channels: int
    rate: int
    align: int
    bits: int  # that carry one value
    valid: int  # of those, said to count
    block: int  # samples per channel in `align` bytes; 0: not known
    byte_rate: int
    plain: bool  # nothing had to be mended
    body: bytes

    @property
    def bytes_s(self) -> float:
        """Bytes of sound per second; 0: not known."""
        if self.block and self.rate:
            return self.align * self.rate / self.block
        return float(self.byte_rate)


def read(file: BinaryIO, start: int) -> Layout:
    """The WAV that begins at `start`.

    Raises:
        UserError: it has no format or no sound; without the file's name.
    """
    return _Reader(file, start).read()


class _Reader:
    def __init__(self, file: BinaryIO, start: int) -> None:
        self._file = file
        self._start = start
        self._size = size_of(file)
        self._big = at(file, start, 4) == b"RIFX"
        self._long: int | None = None  # the data's length as `ds64` has it
        self._format: Format | None = None
        self._pieces: list[tuple[int, int]] = []
        self._declared = 0
        self._missing = 0
        self._next: int | None = None
        self._remarks: list[str] = []

    def read(self) -> Layout:
        position: int | None = self._start + 12
        for _ in range(_CHUNKS):
            if position is None or position + 8 > self._size:
                break
            name, length = self._head(position)
            body = position + 8
            if name == b"data" and self._format is not None:
                position = self._sound(position, length)
            elif self._pieces and self._is_riff(position):
                self._next = position
                break
            elif name == b"fmt " and not self._pieces:
                self._format = _format(at(self._file, body, min(length, 4096)), self._big)
                position = self._behind(body, length)
            elif name == b"ds64":
                self._long = struct.unpack("<Q", at(self._file, body + 8, 8).ljust(8, b"\0"))[0]
                position = self._behind(body, length)
            else:
                position = self._behind(body, length)
        return self._layout()

    def _head(self, position: int) -> tuple[bytes, int]:
        head = at(self._file, position, 8).ljust(8, b"\0")
        name, length = struct.unpack(">4sI" if self._big else "<4sI", head)
        return name, length

    def _is_riff(self, position: int) -> bool:
        head = at(self._file, position, 12)
        return head[:4] in MAGICS and head[8:12] == b"WAVE"

    def _behind(self, body: int, length: int) -> int | None:
        """Where the next chunk begins behind one whose contents begin at `body`.

        An odd one should be followed by a zero byte; some recorders leave it out.
        """
        end = body + length
        for candidate in (end + length % 2, end, end + 1):
            if _is_name(at(self._file, candidate, 4)) or candidate == self._size:
                return candidate
        if self._pieces:
            return None
        # Its length is wrong: what matters cannot be far.
        found = [
            position
            for name in (b"fmt ", b"data")
            if (position := find(self._file, name, body, min(body + _LOST, self._size))) >= 0
        ]
        return min(found, default=None)

    def _sound(self, position: int, length: int) -> int | None:
        """Take in a `data` chunk; where the search goes on."""
        begin = position + 8
        there = self._size - begin
        if length == 0xFFFF_FFFF and self._long:
            length = self._long
        unknown = length == 0 or (length >= _UNKNOWN and length != self._long)
        if length == 0 and there and self._is_metadata(begin):
            return begin
        if unknown or length >= there:
            end = self._tail(begin) if unknown else self._size
            self._take(begin, end - begin, end - begin if unknown else length)
            self._missing += 0 if unknown else length - there
            return end if end < self._size else None
        return self._beyond(begin, length)

    def _beyond(self, begin: int, length: int) -> int | None:
        """The sound ends, by its own length, before the file does: what is behind it?"""
        assert self._format is not None
        end = begin + length
        for candidate in dict.fromkeys((end + length % 2, end)):
            if candidate >= self._size or self._is_chunk(candidate):
                self._take(begin, length, length)
                return candidate
        rest = self._size - end
        nothing = (
            rest < max(self._format.align, 2)
            or only_zeros(self._file, end, self._size)
            or at(self._file, end, 3) in (b"TAG", b"ID3")
        )
        if nothing or looks_like_text(self._file, end, self._size):
            self._take(begin, length, length)
            if not nothing:
                self._remarks.append(
                    tr(f"声音后面的 {rest} 字节不是声音", f"{rest} bytes behind the sound are none")
                )
            return None
        end = self._tail(end)
        self._take(begin, end - begin, length)
        return end if end < self._size else None

    def _take(self, begin: int, length: int, declared: int) -> None:
        self._pieces.append((begin, length))
        self._declared += declared

    def _is_chunk(self, position: int) -> bool:
        """Whether something other than sound begins here."""
        name, length = self._head(position)
        if self._is_riff(position) or self._is_metadata(position):
            return True
        if not _is_name(name):
            return False
        if name in (b"data", b"fmt "):
            return position + 8 + length <= self._size + length // 2 or length >= _UNKNOWN
        return self._reaches_end(position)

    def _is_metadata(self, position: int) -> bool:
        name, length = self._head(position)
        return name in _METADATA and length < _UNKNOWN

    def _reaches_end(self, position: int) -> bool:
        """Whether chunks from here on fill the file to its end."""
        for _ in range(_CHUNKS):
            if 0 <= self._size - position <= 1:
                return True
            name, length = self._head(position)
            if position + 8 > self._size or not _is_name(name):
                return False
            following = position + 8 + length
            if length % 2 and not _is_name(at(self._file, following, 4)):
                following += 1
            position = following
        return False

    def _tail(self, begin: int) -> int:
        """Where sound of unknown length ends: at another WAV, at metadata that fill the file to
        its end, or at the end of the file."""
        found = min(
            (
                position - 8
                for position in (find(self._file, b"WAVEfmt ", begin, self._size),)
                if position >= begin + 8 and self._is_riff(position - 8)
            ),
            default=self._size,
        )
        first = max(begin, found - _TAIL)
        block = at(self._file, first, found - first)
        ends = []
        for name in _METADATA:
            position = block.find(name)
            while position >= 0:
                if self._reaches_end(first + position):
                    ends.append(first + position)
                    break
                position = block.find(name, position + 1)
        return min(ends, default=found)

    def _layout(self) -> Layout:
        form = self._format
        if form is None:
            raise UserError(
                tr(
                    "WAV 文件里没有格式说明（fmt），请重新导出录音",
                    "a WAV without a format (`fmt ` chunk): export the recording again",
                )
            )
        if not self._pieces:
            raise UserError(
                tr(
                    "没有声音数据，请检查录音是否成功",
                    "holds no sound: check that the recording worked",
                )
            )
        total = sum(length for _, length in self._pieces)
        per_s = form.bytes_s
        seconds = total / per_s if per_s else None
        promised = (total + self._missing) / per_s if per_s else None
        slack = max(self._pieces[0][0] - self._start, SLACK_S * per_s, form.align)
        self._say_what_was_wrong(total, per_s)
        gain, signed = self._widths(form)
        return Layout(
            pieces=(_header(form, total), *self._pieces),
            swap=form.bits // 8 if self._big and form.tag in _EXACT else 1,
            seconds=seconds,
            promised=promised,
            torn=self._missing > slack,
            gain=gain,
            signed_bytes=signed,
            plain=self._is_plain(form, total),
            next=self._next,
            remarks=tuple(self._remarks),
        )

    def _is_plain(self, form: Format, total: int) -> bool:
        return (
            not self._big
            and form.plain
            and len(self._pieces) == 1
            and abs(self._declared - total) < max(form.align, 2)
            and self._start == 0
        )

    def _say_what_was_wrong(self, total: int, per_s: float) -> None:
        if not per_s or total - self._declared <= SLACK_S * per_s:
            return
        self._remarks.append(said_too_little(self._declared / per_s, total / per_s))

    def _widths(self, form: Format) -> tuple[float, bool]:
        """How values narrower than what carries them are meant: a gain, and whether bytes have a
        sign. 24 bits of 32 lie at the upper end by rule; there are those that lie at the lower."""
        start, length = self._pieces[0]
        sample = at(self._file, start, min(length, 1 << 20))
        if form.tag != _PCM:
            return 1.0, False
        if form.bits == 8:
            return 1.0, _are_signed(sample)
        if form.bits != 32 or form.valid not in (20, 24):
            return 1.0, False
        values = np.frombuffer(sample[: len(sample) // 4 * 4], ">i4" if self._big else "<i4")
        if not len(values):
            return 1.0, False
        below = 32 - form.valid
        low = bool(np.any(values & ((1 << below) - 1)))
        small = int(np.abs(values.astype(np.int64)).max()) <= 1 << (form.valid - 1)
        return float(1 << below) if low and small else 1.0, False


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


def _format(body: bytes, big: bool) -> Format | None:
    """The format as it must be meant, whatever of it is careless; None: too short to be one."""
    if len(body) < 14:
        return None
    order = ">" if big else "<"
    tag, channels, rate, byte_rate, align = struct.unpack_from(f"{order}HHIIH", body)
    bits = struct.unpack_from(f"{order}H", body, 14)[0] if len(body) >= 16 else 0
    extra = body[18:]
    valid = bits
    if tag == _EXTENSIBLE and len(extra) >= 22 and extra[8:22] == _GUID:
        valid = struct.unpack_from(f"{order}H", extra)[0] or bits
        tag = struct.unpack_from(f"{order}H", extra, 6)[0]
        extra = b""
    if tag not in _EXACT:
        block = struct.unpack_from(f"{order}H", extra)[0] if tag in _BLOCKS and extra[1:] else 0
        head = struct.pack("<HHIIHH", tag, channels, rate, byte_rate, align, bits)
        return Format(
            *(tag, channels, rate, align, bits, valid, block, byte_rate),
            plain=True,
            body=head + struct.pack("<H", len(extra)) + extra,
        )
    width = _width(tag, bits, align, channels)
    said = (align, byte_rate, bits)
    align, block, byte_rate = width * channels, 1, rate * width * channels
    as_said = said == (align, byte_rate, 8 * width) and valid == bits
    body = struct.pack(
        "<HHIIHH", tag, channels, rate, byte_rate & 0xFFFF_FFFF, align & 0xFFFF, 8 * width
    )
    return Format(
        *(tag, channels, rate, align, 8 * width, valid, block, byte_rate), plain=as_said, body=body
    )


def _width(tag: int, bits: int, align: int, channels: int) -> int:
    """Bytes that carry one value."""
    carried = align // channels if channels and align % channels == 0 else 0
    if tag in (_ALAW, _MULAW):
        return 1
    if tag == _FLOAT:
        if bits in (32, 64):
            return bits // 8
        if bits == 0 and carried in (4, 8):
            return carried
        raise UserError(
            tr(
                f"{bits} 位浮点采样无法读取，请导出为 16 位 PCM",
                f"floating-point samples of {bits} bits are not read: export as 16-bit PCM",
            )
        )
    nominal = -(-bits // 8)
    if (nominal == 3 and carried == 4) or not 1 <= nominal <= 8:
        nominal = carried  # 24 bits in 32; or nothing said
    if nominal not in (1, 2, 3, 4, 8):
        raise UserError(
            tr(
                f"{bits} 位采样无法读取，请导出为 16 位 PCM",
                f"samples of {bits} bits are not read: export as 16-bit PCM",
            )
        )
    return nominal


def _header(form: Format, total: int) -> bytes:
    """A header that is right: RIFF, or RF64 where the sound is longer than that can say."""
    body = form.body + b"\0" * (len(form.body) % 2)
    fmt = b"fmt " + struct.pack("<I", len(body)) + body
    if total < 0xF000_0000:
        return (
            b"RIFF" + struct.pack("<I", 4 + len(fmt) + 8 + total) + b"WAVE" + fmt
            + b"data" + struct.pack("<I", total)
        )  # fmt: skip
    long = struct.pack("<QQQI", 4 + 36 + len(fmt) + 8 + total, total, 0, 0)
    return (
        b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", len(long)) + long + fmt
        + b"data\xff\xff\xff\xff"
    )  # fmt: skip


def _are_signed(sample: bytes) -> bool:
    """Whether bytes are centred on 0 rather than, as WAV has it, on 128."""
    counts = np.bincount(np.frombuffer(sample, np.uint8), minlength=256)
    outer = int(counts[:32].sum() + counts[224:].sum())
    inner = int(counts[96:160].sum())
    return outer > 4 * inner
