"""How a wire writes samples, and what they are as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from monitor.audio.resample import LOWEST_RATE

Encoding: TypeAlias = Literal["s16le", "s16be", "ulaw", "alaw", "f32le"]
Block: TypeAlias = npt.NDArray[np.float32]
"""Samples of shape (n, channels), full scale = 1."""

_Table: TypeAlias = npt.NDArray[np.float32]

HIGHEST_RATE = 192_000
"""The highest of AudioSocket's sample-rate codes."""

_BYTES = {"s16le": 2, "s16be": 2, "ulaw": 1, "alaw": 1, "f32le": 4}


@dataclass(frozen=True, slots=True)
class Format:
    """Samples on a wire: `channels` of them interleaved, `rate` times a second.

    Raises:
        ValueError: a rate or a number of channels that no telephone system has.
    """

    encoding: Encoding
    rate: int
    channels: int = 1

    def __post_init__(self) -> None:
        if self.encoding not in _BYTES:
            raise ValueError(f"encoding {self.encoding!r}: one of {', '.join(_BYTES)}")
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            raise ValueError(f"sample rate {self.rate}: {LOWEST_RATE} to {HIGHEST_RATE} Hz")
        if self.channels not in (1, 2):
            raise ValueError(f"{self.channels} channels: one or two")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return _BYTES[self.encoding] * self.channels


class Reader:
    """Bytes of one format to samples. What a message cuts in two waits for the next one."""

    def __init__(self, form: Format) -> None:
        self.format = form
        self._rest = b""

    def read(self, data: bytes) -> Block:
        """The whole samples in `data` and what was left over before; shape (n, channels)."""
        data = self._rest + data
        size = len(data) // self.format.frame_bytes * self.format.frame_bytes
        self._rest = data[size:]
        return _numbers(self.format.encoding, data[:size]).reshape(-1, self.format.channels)


def _numbers(encoding: Encoding, data: bytes) -> npt.NDArray[np.float32]:
    if encoding == "ulaw":
        return np.take(_ULAW, np.frombuffer(data, np.uint8))
    if encoding == "alaw":
        return np.take(_ALAW, np.frombuffer(data, np.uint8))
    if encoding == "f32le":
        floats = np.nan_to_num(np.frombuffer(data, "<f4"), nan=0.0, posinf=1.0, neginf=-1.0)
        clipped: _Table = np.clip(floats, -1.0, 1.0).astype(np.float32)
        return clipped
    kind = "<i2" if encoding == "s16le" else ">i2"
    return np.frombuffer(data, kind).astype(np.float32) / np.float32(32768)


def _ulaw() -> _Table:
    """G.711 µ-law, as ITU-T G.711 table 2 has it."""
    code = ~np.arange(256, dtype=np.uint8)
    step = ((code & 0x0F).astype(np.int32) << 3) + 0x84
    value = (step << ((code & 0x70) >> 4)) - 0x84
    return (np.where(code & 0x80, -value, value) / 32768).astype(np.float32)


def _alaw() -> _Table:
    """G.711 A-law, as ITU-T G.711 table 1 has it."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    chord = ((code & 0x70) >> 4).astype(np.int32)
    step = ((code & 0x0F).astype(np.int32) << 4) + 8
    value = np.where(chord > 0, (step + 0x100) << np.maximum(chord - 1, 0), step)
    return (np.where(code & 0x80, value, -value) / 32768).astype(np.float32)


_ULAW: _Table = _ulaw()
_ALAW: _Table = _alaw()
