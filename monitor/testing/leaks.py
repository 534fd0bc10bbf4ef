"""Leaked speech, made: one party's voice as it comes out on the other's channel.

Telephone hybrids echo, loud earpieces are heard by the other microphone, desks
stand close. Each of these is a copy of what was said: late, quieter, coloured by
a line or a room, and put through a codec together with the rest of its channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from monitor.events import SAMPLE_RATE, Samples

_Wave: TypeAlias = npt.NDArray[np.floating[Any]]

Colour = Literal["line", "telephone", "room"]
Codec = Literal["pcm", "mu-law", "opus", "amr"]

_ROOM_T60_S = 0.35  # a furnished office
_ROOM_DIRECT = 0.5  # of the energy comes straight, the rest from the walls


@dataclass(frozen=True, slots=True)
class Leak:
    """How one party's voice gets onto the other's channel.

    `gain_db` is the level of the copy against the original (RMS), `lag_ms` how
    late it is, `path` what colours it.
    """

    gain_db: float
    lag_ms: int = 0
    path: Colour = "line"
    seed: int = 1

    def of(self, samples: Samples) -> Samples:
        """The copy (float32, as long as the original)."""
        copy = _coloured(samples.astype(np.float64), self.path, self.seed)
        late = round(self.lag_ms * SAMPLE_RATE / 1000)
        copy = np.concatenate([np.zeros(late), copy])[: len(samples)]
        level, wanted = _rms(copy), _rms(samples) * 10 ** (self.gain_db / 20)
        return (copy * (wanted / level if level else 0)).astype(np.float32)


def coded(samples: Samples, codec: Codec) -> Samples:
    """What is left of a channel after a telephone's or a recorder's codec (float32, 16 kHz)."""
    if codec == "pcm":
        return (np.round(samples * 32767) / 32767).astype(np.float32)
    if codec == "mu-law":
        import soxr

        narrow = soxr.resample(samples, SAMPLE_RATE, 8000)
        return _as_long(soxr.resample(_mu_law(narrow), 8000, SAMPLE_RATE), len(samples))
    return _as_long(_through_ffmpeg(samples, codec), len(samples))


def _coloured(samples: _Wave, path: Colour, seed: int) -> _Wave:
    if path == "line":
        return samples
    if path == "telephone":
        return _band(samples, 300.0, 3400.0)
    draw = np.random.default_rng(seed)
    length = int(_ROOM_T60_S * SAMPLE_RATE)
    tail = draw.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= np.sqrt((1 - _ROOM_DIRECT) / _ROOM_DIRECT) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    size = 1 << (len(samples) + length).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)
    return _band(wet[: len(samples)], 150.0, 6000.0)


def _band(samples: _Wave, low: float, high: float) -> _Wave:
    """Second-order slopes below `low` and above `high` (Hz)."""
    spectrum = np.fft.rfft(samples)
    at = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    with np.errstate(divide="ignore"):
        spectrum *= 1 / (1 + (low / at) ** 4) / (1 + (at / high) ** 4)
    return np.fft.irfft(spectrum, len(samples))


def _mu_law(samples: _Wave) -> _Wave:
    """8-bit µ-law (ITU-T G.711, continuous form), there and back."""
    mu = 255.0
    clipped = np.clip(samples, -1, 1)
    levels = np.sign(clipped) * np.log1p(mu * np.abs(clipped)) / np.log1p(mu)
    levels = np.round((levels + 1) / 2 * mu) / mu * 2 - 1
    decoded: _Wave = np.sign(levels) * np.expm1(np.abs(levels) * np.log1p(mu)) / mu
    return decoded


def _through_ffmpeg(samples: Samples, codec: Codec) -> _Wave:
    import io

    import av
    from av.audio.stream import AudioStream

    name, form, rate = {
        "opus": ("libopus", "ogg", 16_000),
        "amr": ("libopencore_amrnb", "amr", 8_000),
    }[codec]
    file = io.BytesIO()
    with av.open(file, "w", format=form) as sink:
        stream = sink.add_stream(name, rate=rate, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 16_000 if codec == "opus" else 7_400
        frame = av.AudioFrame.from_ndarray(
            (np.clip(samples, -1, 1) * 32767).astype(np.int16)[None], "s16", "mono"
        )
        frame.sample_rate = SAMPLE_RATE
        resampler = av.AudioResampler("s16", "mono", rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            part.pts = None
            sink.mux(stream.encode(part))
        sink.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as source:
        back = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        frames = [f for g in source.decode(audio=0) for f in back.resample(g)]
        frames += back.resample(None)
    wave: _Wave = np.concatenate([f.to_ndarray()[0] for f in frames])
    return wave


def _as_long(samples: _Wave, length: int) -> Samples:
    kept = samples[:length].astype(np.float32)
    return np.concatenate([kept, np.zeros(length - len(kept), np.float32)])


def _rms(samples: _Wave) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
