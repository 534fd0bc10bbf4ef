"""How somebody's voice moves: pitch, its range and rise, the loudest moment, the background.

Pitch by YIN (A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech
and music", JASA 111, 2002): the cumulative mean normalised difference of a frame of 64 ms, its
first dip below 0.15, parabolic interpolation. One value per VAD window of 32 ms, from the samples
alone, so the answer does not depend on how the audio was cut. On the telephone the fundamental of
low voices is cut off below 300 Hz; the period is still there in the harmonics, and it is the
period that YIN measures.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from monitor.events import SAMPLE_RATE, Samples, Voice

LOWEST_HZ, HIGHEST_HZ = 65.0, 420.0
_SHORTEST_LAG = int(SAMPLE_RATE / HIGHEST_HZ)
_LONGEST_LAG = int(SAMPLE_RATE / LOWEST_HZ) + 1
_DIP = 0.15  # YIN's absolute threshold; its authors use 0.1 to 0.2
_FRAME = 1024
_SIZE = 2048  # of the Fourier transform: a frame and the longest lag
_FEWEST = 6  # voiced windows (190 ms) that make a melody
_END = 8  # voiced windows at the end (260 ms) that tell whether it rises
_PEAK = 3  # windows (96 ms) of the loudest moment
_NOISE_WINDOWS = 300  # of the background remembered: ten seconds
_FLOOR = 1e-10  # -100 dBFS


class VoiceMeter:
    """Measures one party, window by window (512 samples)."""

    def __init__(self) -> None:
        self._last = np.zeros(0, np.float32)
        self._pitches: list[float] = []  # Hz, of the voiced windows of the open speech
        self._powers: list[float] = []  # mean squares of its windows
        self._noise: deque[float] = deque(maxlen=_NOISE_WINDOWS)

    def background(self, window: Samples) -> None:
        """A window in which nobody speaks on this channel."""
        self._last = window
        self._noise.append(_mean_square(window))

    def speech(self, window: Samples) -> None:
        """A window of the open speech."""
        frame = np.concatenate([self._last[-_FRAME + len(window) :], window])
        self._last = window
        self._powers.append(_mean_square(window))
        if len(frame) == _FRAME and (hertz := pitch(frame)) is not None:
            self._pitches.append(hertz)

    def take(self) -> Voice:
        """What the speech that ends now was like; the next window begins anew."""
        peak = max(
            (
                sum(self._powers[i : i + _PEAK]) / _PEAK
                for i in range(max(1, len(self._powers) - _PEAK + 1))
            ),
            default=0.0,
        )
        # Digital silence between packets is no background.
        heard = [power for power in self._noise if power > _FLOOR]
        noise = round(_decibels(float(np.median(heard))), 1) if len(heard) >= _END else None
        middle, spread, rise = melody(self._pitches)
        self._pitches, self._powers = [], []
        return Voice(middle, spread, rise, round(_decibels(peak), 1), noise)


def melody(pitches: list[float]) -> tuple[float | None, float | None, float | None]:
    """Median (Hz), range and rise at the end (semitones) of pitch values in Hz.

    The range is from the tenth to the ninetieth percentile, so that single wrong octaves do
    not count; the rise compares the last quarter of a second with the median.
    """
    if len(pitches) < _FEWEST:
        return None, None, None
    tones = 12 * np.log2(np.asarray(pitches) / 100.0)
    low, middle, high = np.percentile(tones, [10, 50, 90])
    near = tones[np.abs(tones - middle) < 9]  # what is farther off is another octave
    end = near[-_END:] if len(near) else tones[-_END:]
    hertz = 100.0 * 2 ** (float(middle) / 12)
    return (
        round(hertz, 1),
        round(float(min(high, middle + 9) - max(low, middle - 9)), 2),
        round(float(np.median(end) - middle), 2),
    )


def pitch(frame: npt.NDArray[np.float32]) -> float | None:
    """Fundamental frequency in Hz of 1,024 samples at 16 kHz; None where there is none."""
    x = frame.astype(np.float64)
    x -= x.mean()
    width = _FRAME - _LONGEST_LAG
    squares = np.concatenate([[0.0], np.cumsum(x * x)])
    total = squares[width]
    if total <= width * _FLOOR:
        return None
    # d(lag) = sum over `width` samples of (x[i] - x[i + lag])², the cross term by Fourier
    spectrum = np.fft.rfft(x, _SIZE) * np.conj(np.fft.rfft(x[:width], _SIZE))
    cross = np.fft.irfft(spectrum, _SIZE)[: _LONGEST_LAG + 1]
    lags = np.arange(_LONGEST_LAG + 1)
    difference = total + (squares[lags + width] - squares[lags]) - 2 * cross
    running = np.cumsum(difference[1:])
    normal = np.ones(_LONGEST_LAG + 1)
    normal[1:] = difference[1:] * lags[1:] / np.maximum(running, 1e-12)
    below = np.flatnonzero(normal[_SHORTEST_LAG:-1] < _DIP)
    if not len(below):
        return None
    lag = int(below[0]) + _SHORTEST_LAG
    while lag + 1 < _LONGEST_LAG and normal[lag + 1] < normal[lag]:
        lag += 1
    left, here, right = normal[lag - 1], normal[lag], normal[min(lag + 1, _LONGEST_LAG)]
    bend = left - 2 * here + right
    exact = lag + (0.5 * (left - right) / bend if bend > 0 else 0.0)
    return float(SAMPLE_RATE / exact)


def _mean_square(samples: Samples) -> float:
    return float(np.dot(samples, samples)) / max(len(samples), 1)


def _decibels(power: float) -> float:
    return 10 * float(np.log10(max(power, _FLOOR)))
