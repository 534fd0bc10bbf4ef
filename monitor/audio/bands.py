"""Two channels as levels of bands, window by window, with what went before and their noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from monitor.audio.vad import WINDOW
from monitor.events import SAMPLE_RATE, Samples

Levels = npt.NDArray[np.float32]
"""Levels in dB; 0 is a sine at full scale."""

BANDS = 20
STEP = WINDOW // 2
"""The past is kept twice as fine as windows (16 ms): an echo is rarely late by whole windows."""

_LOW_HZ, _HIGH_HZ = 90.0, 3_600.0  # where a telephone leaves a voice its strength
_FALL_DB = 4.0  # T60 of 240 ms: told a leak best, of none, 2.5, 4 and 6, over line, room and AMR
_FAINT = 1e-10
_QUIETEST_DB = -85.0  # below the noise of any line; digital silence is not taken for noise
_SMOOTH = 0.4  # three windows, as a band of one window varies by 10 dB
_BLOCK = 16  # windows; the quietest of eight blocks (4 s) is a pause between two words
_BLOCKS = 8
_BIAS_DB = 4.0  # a minimum lies below the mean


class Bands:
    """What two channels sound like.

    Attributes:
        here: levels of the last window; shape (2, `BANDS`).
        loud: of the whole window; shape (2,).
        past: levels back in time, one row per `STEP`, row 0 being `here`; (2, `steps`, `BANDS`).
        held: as `past`, but falling by `_FALL_DB` a step at most, as sounds do in a room.
        past_loud: the same for the whole; (2, `steps`).
        noise: of each band; (2, `BANDS`).
    """

    def __init__(self, steps: int) -> None:
        silent = 10 * np.log10(_FAINT)
        self.past: Levels = np.full((2, steps, BANDS), silent, np.float32)
        self.held: Levels = self.past.copy()
        self.past_loud: Levels = np.full((2, steps), silent, np.float32)
        self.noise: Levels = np.full((2, BANDS), _QUIETEST_DB, np.float32)
        self.here = self.past[:, 0]
        self.loud = self.past_loud[:, 0]
        self._frame = np.zeros((2, WINDOW + STEP), np.float32)
        stride = self._frame.strides[1]
        self._cuts = np.lib.stride_tricks.as_strided(
            self._frame, (2, 2, WINDOW), (self._frame.strides[0], STEP * stride, stride)
        )
        self._smooth: Levels | None = None
        self._minimum: Levels = np.full((2, BANDS), np.inf, np.float32)
        self._blocks: Levels = np.full((_BLOCKS, 2, BANDS), np.inf, np.float32)
        self._quietest: Levels = self._blocks[0].copy()
        self._windows = 0

    def feed(self, first: Samples, second: Samples) -> None:
        """The next window of both channels, float32 of shape (`WINDOW`,) each."""
        self._frame[:, :STEP] = self._frame[:, -STEP:]
        self._frame[0, STEP:], self._frame[1, STEP:] = first, second
        spectrum = np.fft.rfft(self._cuts * _hann())
        power = (spectrum.real**2 + spectrum.imag**2) @ _mel()
        self.past[:, 2:] = self.past[:, :-2]
        self.past[:, :2] = 10 * np.log10(power[:, ::-1] + _FAINT)
        self.held[:, 2:] = self.held[:, :-2]
        np.maximum(self.past[:, 1], self.held[:, 2] - _FALL_DB, out=self.held[:, 1])
        np.maximum(self.past[:, 0], self.held[:, 1] - _FALL_DB, out=self.held[:, 0])
        self.past_loud[:, 2:] = self.past_loud[:, :-2]
        self.past_loud[:, :2] = 10 * np.log10(power[:, ::-1].sum(2) + _FAINT)
        self._listen_for_noise()

    def _listen_for_noise(self) -> None:
        if self._smooth is None:
            self._smooth = self.here.copy()
        self._smooth += _SMOOTH * (self.here - self._smooth)
        np.minimum(self._minimum, np.maximum(self._smooth, _QUIETEST_DB), out=self._minimum)
        self._windows += 1
        if self._windows % _BLOCK == 0:
            self._blocks[self._windows // _BLOCK % _BLOCKS] = self._minimum
            self._minimum = np.maximum(self._smooth, np.float32(_QUIETEST_DB))
            self._quietest = self._blocks.min(0)
        self.noise = np.minimum(self._quietest, self._minimum) + np.float32(_BIAS_DB)


def loudness(levels: Levels) -> float:
    """The level (dB) of bands together."""
    return 10 * float(np.log10(np.exp(levels * (np.log(10) / 10)).sum()))


@lru_cache
def _hann() -> Levels:
    return (np.hanning(WINDOW + 2)[1:-1] * 2 / WINDOW).astype(np.float32)


@lru_cache
def _mel() -> Levels:
    """Triangles evenly spaced in mel; shape (`WINDOW` // 2 + 1, `BANDS`)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (_LOW_HZ, _HIGH_HZ))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    at = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)[:, None]
    up, down = (at - edges[:-2]) / np.diff(edges[:-1]), (edges[2:] - at) / np.diff(edges[1:])
    return np.maximum(0, np.minimum(up, down)).astype(np.float32)
