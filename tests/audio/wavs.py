"""WAV files put together by hand, with whatever their headers are to say."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RATE = 8000


def speechlike(seconds: float, seed: int = 0) -> npt.NDArray[np.float64]:
    """Bursts of tones, float [n] below full scale: something that must arrive as it is."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    bursts = (np.sin(2 * np.pi * 1.5 * time + seed) > 0) * 1.0
    return 0.4 * bursts * np.sin(
        2 * np.pi * (300 + 40 * seed) * time
    ) + 0.001 * rng.standard_normal(len(time))


def pcm(sound: npt.NDArray[np.float64], dtype: str = "<i2") -> bytes:
    """Samples as integers of a type."""
    scale = 2 ** (8 * np.dtype(dtype).itemsize - 1) - 1
    return np.round(sound * scale).astype(dtype).tobytes()


def fmt(
    tag: int = 1,
    channels: int = 1,
    rate: int = RATE,
    bits: int = 16,
    *,
    align: int | None = None,
    byte_rate: int | None = None,
    extra: bytes | None = None,
    order: str = "<",
) -> bytes:
    """The contents of a `fmt ` chunk."""
    align = channels * (bits // 8) if align is None else align
    byte_rate = rate * align if byte_rate is None else byte_rate
    body = struct.pack(f"{order}HHIIHH", tag, channels, rate, byte_rate, align, bits)
    return body if extra is None else body + struct.pack(f"{order}H", len(extra)) + extra


def extensible(channels: int, bits: int, valid: int, tag: int = 1) -> bytes:
    """A `fmt ` of WAVE_FORMAT_EXTENSIBLE, with `valid` bits of `bits`."""
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return fmt(0xFFFE, channels, bits=bits, extra=struct.pack("<HI", valid, 0) + guid)


def chunk(name: bytes, body: bytes, *, size: int | None = None, pad: bool = True) -> bytes:
    length = len(body) if size is None else size
    return name + struct.pack("<I", length) + body + b"\0" * (pad and len(body) % 2)


def riff(*chunks: bytes, magic: bytes = b"RIFF", size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body) if size is None else size) + body


def wav(data: bytes, form: bytes | None = None, *, size: int | None = None) -> bytes:
    """A plain WAV; `size` is what the header says of the data."""
    return riff(chunk(b"fmt ", form or fmt()), chunk(b"data", data, size=size))


def rifx(form: bytes, data: bytes) -> bytes:
    """A big-endian WAV."""
    body = b"WAVEfmt " + struct.pack(">I", len(form)) + form
    body += b"data" + struct.pack(">I", len(data)) + data
    return b"RIFX" + struct.pack(">I", len(body)) + body


def rf64(data: bytes, form: bytes, behind: Sequence[bytes] = (), magic: bytes = b"RF64") -> bytes:
    """RF64 or BW64: lengths in a `ds64` chunk."""
    rest = b"".join(behind)
    ds64 = struct.pack("<QQQI", 0, len(data), len(data), 0)
    body = b"WAVE" + chunk(b"ds64", ds64) + chunk(b"fmt ", form)
    body += b"data\xff\xff\xff\xff" + data + rest
    return magic + b"\xff\xff\xff\xff" + body


def au(data: bytes, encoding: int, channels: int = 1, size: int | None = None) -> bytes:
    size = len(data) if size is None else size
    return b".snd" + struct.pack(">5I", 32, size, encoding, RATE, channels) + bytes(8) + data


def aiff(data: bytes, frames: int, width: int = 2, size: int | None = None) -> bytes:
    """A mono AIFF at 8 kHz; `frames` and `size` are what its header says."""
    rate = bytes.fromhex("400bfa00000000000000")
    comm = struct.pack(">hIh", 1, frames, 8 * width) + rate
    sound = struct.pack(">II", 0, 0) + data
    length = len(sound) if size is None else size + 8
    body = b"AIFFCOMM" + struct.pack(">I", len(comm)) + comm
    body += b"SSND" + struct.pack(">I", length) + sound
    return b"FORM" + struct.pack(">I", len(body)) + body


def caf(data: bytes, size: int) -> bytes:
    """A mono CAF of 16 bits, little-endian, at 8 kHz."""
    desc = struct.pack(">d4s5I", float(RATE), b"lpcm", 2, 2, 1, 1, 16)
    head = b"caff\x00\x01\x00\x00desc" + struct.pack(">q", len(desc)) + desc
    return head + b"data" + struct.pack(">qI", size + 4, 0) + data


def w64(data: bytes, size: int) -> bytes:
    """A mono W64 of 16 bits at 8 kHz."""
    tail = bytes.fromhex("f3acd3118cd100c04f8edb8a")
    riff_id = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
    form = fmt()
    head = b"wave" + tail + b"fmt " + tail + struct.pack("<Q", 24 + len(form)) + form
    body = head + b"data" + tail + struct.pack("<Q", 24 + size) + data
    return riff_id + struct.pack("<Q", 24 + len(body)) + body
