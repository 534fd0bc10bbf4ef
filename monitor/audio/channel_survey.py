"""What the channels of a recording carry, over its whole length: silence, the same sound, or
something of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from monitor.audio.decode import Block
from monitor.events import Chunk, Party

WINDOW_S = 0.032
"""A window of the level, as long as one of the VAD."""

SILENT_DB = -60.0
"""Windows below it carry nothing: quiet speech on the telephone lies above -50 dBFS."""

CLICKS = 3
"""So many windows above it are clicks of a relay, not a word (a syllable takes six)."""

STEADY_DB = 6.0
"""Noise and hum keep their level: speech rises and falls by more than 15 dB."""

STEADY_BELOW_DB = -35.0
"""A steady sound louder than this is told of as sound: it covers speech."""

_MIN_S = 2.0  # a shorter recording is too short to call noise steady
_SAME = 0.97
"""Coherence of two channels with the same sound. Leaks both ways at -3 dB reach 0.94: their gain
changes with who speaks."""

_SAME_GAIN_DB = 12.0  # a channel that is so much quieter carries a leak, not the same mix
_LAG_S = 0.01  # how much later one of them may be
_MOST = 8  # channels that are compared with each other


@dataclass(frozen=True, slots=True)
class Survey:
    """`silent[i]`: channel i carries nothing. `same[i]`: the first channel with the same sound
    (i itself where it is its own)."""

    silent: tuple[bool, ...]
    same: tuple[int, ...]


class Heard:
    """How loud each party has been in a call that is going on: who was never heard at all?"""

    def __init__(self) -> None:
        self._peaks: dict[Party, float] = {}

    def take(self, chunk: Chunk) -> None:
        with np.errstate(invalid="ignore"):
            peak = float(np.nanmax(np.abs(chunk.samples), initial=0.0))
        self._peaks[chunk.party] = max(self._peaks.get(chunk.party, 0.0), peak)

    def never(self) -> list[Party]:
        """The parties whose device delivered no more than the noise of a muted microphone."""
        return [party for party, peak in self._peaks.items() if peak < 10 ** (SILENT_DB / 20)]


def survey(blocks: Iterable[Block], rate: int, channels: int) -> Survey:
    """Listen to a whole recording; memory grows by 125 bytes per second and channel."""
    looking = _Surveyor(rate, channels)
    for block in blocks:
        looking.take(block.samples)
    return looking.finish()


class _Surveyor:
    def __init__(self, rate: int, channels: int) -> None:
        self._channels = channels
        self._window = max(1, round(rate * WINDOW_S))
        self._length = self._window * 32  # about a second
        self._lag = round(rate * _LAG_S)
        self._waiting: list[npt.NDArray[np.float32]] = []
        self._held = 0
        self._levels: list[npt.NDArray[np.float32]] = []
        self._pairs = list(combinations(range(min(channels, _MOST)), 2))
        self._cross = np.zeros((len(self._pairs), self._length + 1), np.complex128)
        self._power = np.zeros(channels)

    def take(self, samples: npt.NDArray[np.float32]) -> None:
        self._waiting.append(samples)
        self._held += len(samples)
        if self._held >= self._length:
            joined = np.concatenate(self._waiting)
            whole = len(joined) - len(joined) % self._length
            for first in range(0, whole, self._length):
                self._stretch(joined[first : first + self._length])
            self._waiting, self._held = [joined[whole:]], len(joined) - whole

    def finish(self) -> Survey:
        rest = np.concatenate([np.zeros((0, self._channels), np.float32), *self._waiting])
        if len(rest):
            whole = len(rest) - len(rest) % self._window
            self._stretch(rest[:whole] if whole else rest)
        empty = np.zeros((0, self._channels), np.float32)
        levels = np.concatenate([empty, *self._levels])
        silent = tuple(_carries_nothing(levels[:, i]) for i in range(self._channels))
        same = list(range(self._channels))
        for number, (a, b) in enumerate(self._pairs):
            open_ = same[a] == a and same[b] == b and not silent[a] and not silent[b]
            if open_ and self._alike(number, a, b):
                same[b] = a
        return Survey(silent, tuple(same))

    def _stretch(self, samples: npt.NDArray[np.float32]) -> None:
        """Levels and likeness of a stretch; a constant offset is no sound."""
        sound = samples.astype(np.float64)
        sound -= sound.mean(axis=0)
        window = min(self._window, len(sound))
        whole = len(sound) // window * window
        # Each window less its own offset: a click does not lift its neighbours.
        squares = sound[:whole].reshape(-1, window, self._channels).var(axis=1)
        self._levels.append((10 * np.log10(squares + 1e-20)).astype(np.float32))
        self._power += (sound**2).sum(axis=0)
        if self._pairs:
            spectra = np.fft.rfft(sound[:, :_MOST], 2 * self._length, axis=0)
            for number, (a, b) in enumerate(self._pairs):
                self._cross[number] += spectra[:, a].conj() * spectra[:, b]

    def _alike(self, number: int, a: int, b: int) -> bool:
        powers = self._power[a], self._power[b]
        if min(powers) <= 0 or abs(10 * np.log10(powers[0] / powers[1])) > _SAME_GAIN_DB:
            return False
        correlation = np.fft.irfft(self._cross[number])
        near = np.concatenate([correlation[: self._lag + 1], correlation[-self._lag :]])
        return bool(np.abs(near).max() >= _SAME * np.sqrt(powers[0] * powers[1]))


def _carries_nothing(levels: npt.NDArray[np.float32]) -> bool:
    """Whether windows of these levels (dBFS) hold no sound of anybody."""
    if not len(levels):
        return True
    if int((levels > SILENT_DB).sum()) <= CLICKS:
        return True
    if len(levels) * WINDOW_S < _MIN_S:
        return False
    low, high = np.percentile(levels, [2, 99.9])
    return bool(high - low < STEADY_DB and high < STEADY_BELOW_DB)
