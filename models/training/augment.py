"""What a clip goes through before the student hears it; every step keeps the time axis.

Tempo and vocal-tract changes come first, because the teacher must hear them too
(`vary_voice`); the rest (`worsen`) only the student hears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.training import codecs
from models.training.features import RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PHONE = 8_000


def resample(samples: Floats, source: float, target: float) -> Floats:
    """soxr at medium quality."""
    import soxr

    return np.asarray(soxr.resample(samples, source, target, "MQ"), np.float32)


def tempo(samples: Floats, factor: float) -> Floats:
    """Faster (> 1) or slower speech at the same pitch (FFmpeg's `atempo`, a WSOLA)."""
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(format="flt", sample_rate=RATE, layout="mono")
    change = graph.add("atempo", f"{factor:.4f}")
    sink = graph.add("abuffersink")
    source.link_to(change)
    change.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), "flt", "mono")
    frame.sample_rate = RATE
    graph.push(frame)
    graph.push(None)
    out: list[Floats] = []
    while True:
        try:
            out.append(np.asarray(graph.pull().to_ndarray().reshape(-1), np.float32))
        except (av.error.EOFError, av.error.BlockingIOError):
            break
    return np.concatenate(out) if out else samples


def vary_voice(samples: Floats, rng: np.random.Generator, widest: float = 1.0) -> Floats:
    """Another speaker at another pace: formants and pitch by 0.87–1.17, tempo by 0.8–1.4."""
    if rng.random() < 0.25:
        return samples
    speed = float(np.exp(rng.uniform(-0.14, 0.16) * widest))
    changed = resample(samples, RATE * speed, RATE) if abs(speed - 1) > 0.01 else samples
    if rng.random() < 0.6:
        pace = float(np.exp(rng.uniform(-0.12, 0.24) * widest))
        if abs(pace - 1) > 0.02 and len(changed) > RATE // 2:
            changed = tempo(changed, pace)
    return changed


def level(samples: Floats) -> float:
    """Root mean square over the louder half, so that pauses do not count."""
    blocks = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    power = np.sort((blocks**2).mean(1)) if len(blocks) else np.array([1e-8])
    return float(np.sqrt(power[len(power) // 2 :].mean() + 1e-12))


def coloured_noise(length: int, rng: np.random.Generator) -> Floats:
    """White to brown noise, sometimes hum or a narrow band, unit level."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1 / RATE)
    spectrum *= np.maximum(hertz, 30.0) ** -rng.uniform(0.0, 1.0)
    if rng.random() < 0.3:
        middle, width = rng.uniform(100, 4000), rng.uniform(50, 1500)
        spectrum *= 0.1 + np.exp(-(((hertz - middle) / width) ** 2))
    noise = np.fft.irfft(spectrum, length)
    if rng.random() < 0.2:
        base = rng.choice([50.0, 60.0, 100.0])
        time = np.arange(length) / RATE
        hum = sum(np.sin(2 * np.pi * base * k * time) / k for k in range(1, 6))
        noise = noise / (noise.std() + 1e-9) + rng.uniform(0.3, 2.0) * hum
    if rng.random() < 0.3:  # comes and goes
        knots = rng.uniform(0.1, 1.0, length // 4000 + 2)
        noise *= np.interp(np.arange(length) / 4000, np.arange(len(knots)), knots)
    return np.asarray(noise / (noise.std() + 1e-9), np.float32)


def babble(length: int, others: Sequence[Floats], rng: np.random.Generator) -> Floats:
    """Two to six other clips at once, unit level."""
    mix = np.zeros(length, np.float32)
    for _ in range(int(rng.integers(2, 7))):
        other = others[int(rng.integers(len(others)))]
        start = int(rng.integers(len(other)))
        looped = np.resize(np.roll(other, -start), length)
        mix += looped / (level(other) + 1e-6) * rng.uniform(0.3, 1.0)
    return np.asarray(mix / (mix.std() + 1e-9), np.float32)


def room(samples: Floats, rng: np.random.Generator) -> Floats:
    """A synthetic room: direct sound, then an exponentially decaying tail."""
    decay = rng.uniform(0.05, 0.4)
    length = int(decay * RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= rng.uniform(0.05, 0.4) / np.sqrt((tail**2).sum())
    tail[: int(rng.uniform(0.001, 0.01) * RATE)] = 0.0
    tail[0] = 1.0
    size = 1 << int(len(samples) + length).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)
    return wet[: len(samples)].astype(np.float32)


def tilt(samples: Floats, rng: np.random.Generator, rate: int = RATE) -> Floats:
    """A microphone: a smooth random response of ±8 dB."""
    spectrum = np.fft.rfft(samples)
    knots = rng.uniform(-8, 8, 6)
    gain = np.interp(np.linspace(0, 5, len(spectrum)), np.arange(6), knots)
    del rate
    return np.fft.irfft(spectrum * 10 ** (gain / 20), len(samples)).astype(np.float32)


def telephone(samples: Floats, rng: np.random.Generator) -> Floats:
    """8 kHz, perhaps a 300–3,400 Hz band, one or two real codecs, perhaps lost packets."""
    narrow = resample(samples, RATE, PHONE)
    if rng.random() < 0.6:
        spectrum = np.fft.rfft(narrow)
        hertz = np.fft.rfftfreq(len(narrow), 1 / PHONE)
        low, high = rng.uniform(150, 350), rng.uniform(3200, 3800)
        slope = 1 / (1 + (low / np.maximum(hertz, 1.0)) ** 6) / (1 + (hertz / high) ** 20)
        narrow = np.fft.irfft(spectrum * slope, len(narrow)).astype(np.float32)
    narrow = np.clip(narrow, -1.0, 1.0)
    names = ["alaw", "mulaw", "gsm", "amr", "opus"]
    for name in rng.choice(names, p=[0.4, 0.2, 0.15, 0.15, 0.1], size=1 + (rng.random() < 0.2)):
        rates = codecs.NARROW[name]
        if rates:
            narrow = codecs.coded(narrow, name, int(rng.choice(rates)), PHONE)
        else:
            narrow = codecs.companded(narrow, name, PHONE)
    if rng.random() < 0.15:
        narrow = lose_packets(narrow, rng, PHONE)
    return resample(narrow, PHONE, RATE)


def lose_packets(samples: Floats, rng: np.random.Generator, rate: int) -> Floats:
    """1–6 % of 20 ms packets replaced by silence or by their fading predecessor."""
    size = rate // 50
    heard = samples.copy()
    share = rng.uniform(0.01, 0.06)
    repeat = rng.random() < 0.6
    for start in range(size, len(heard) - size, size):
        if rng.random() < share:
            last = heard[start - size : start]
            heard[start : start + size] = 0.6 * last if repeat else 0.0
    return heard


def worsen(samples: Floats, rng: np.random.Generator, others: Sequence[Floats]) -> Floats:
    """What only the student hears: microphone, room, noise, loudness, clipping, the line."""
    heard = samples
    if rng.random() < 0.5:
        heard = tilt(heard, rng)
    if rng.random() < 0.25:
        heard = room(heard, rng)
    loudness = level(heard)
    if rng.random() < 0.55:
        crowd = bool(others) and rng.random() < 0.35
        noise = babble(len(heard), others, rng) if crowd else coloured_noise(len(heard), rng)
        ratio = rng.uniform(5 if crowd else 2, 30)
        heard = heard + noise * loudness * 10 ** (-ratio / 20)
    target = 10 ** (rng.uniform(-38, -12) / 20)
    heard = heard * (target / (loudness + 1e-6))
    if rng.random() < 0.06:
        heard = np.clip(heard * rng.uniform(2, 6), -0.9, 0.9) * rng.uniform(0.2, 1.0)
    heard = np.clip(heard, -1.0, 1.0).astype(np.float32)
    draw = rng.random()
    if draw < 0.52:
        heard = telephone(heard, rng)
    elif draw < 0.6:
        heard = codecs.coded(heard, "opus", int(rng.choice([12000, 16000, 24000])), RATE)
    return codecs.fit(heard, len(samples))
