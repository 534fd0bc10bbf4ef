"""Speak the bundled calls: `python audio_fixtures/generate.py [NAME]…`

Writes NAME.<audio> and NAME.yaml for each scene of `scenes.py` and `natural_scenes.py`. Needs
espeak-ng (`apt-get install espeak-ng`) and the test extras; the natural voices need the `train`
extra, whose recipe fetches Kokoro-82M. The same espeak-ng gives the same audio every time.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from natural_scenes import NATURAL_SCENES, Natural
from ruamel.yaml import YAML
from scenes import RULES, SCENES, Say, Scene

from monitor.events import SAMPLE_RATE, Samples
from monitor.testing.espeak import say
from monitor.testing.recordings import encode

FOLDER = Path(__file__).parent
PACK = "unicom-10010"
_PARTIES = ("agent", "customer")
_FADE = SAMPLE_RATE * 5 // 1000

_ENCODINGS: dict[str, tuple[str, int, int | None]] = {
    ".flac": ("flac", 16_000, None),
    ".m4a": ("aac", 16_000, 48_000),
    ".mp3": ("libmp3lame", 16_000, 48_000),
    ".opus": ("libopus", 16_000, 32_000),
    ".wav": ("pcm_alaw", 8_000, None),  # as telephone recorders write it
}
_STUDIO = ("pcm_s16le", 16_000, None)


@dataclass(frozen=True)
class Placed:
    """A line with its place in the call."""

    line: Say
    start_ms: int
    samples: Samples

    @property
    def end_ms(self) -> int:
        return self.start_ms + -(-len(self.samples) * 1000 // SAMPLE_RATE)


def place(scene: Scene) -> list[Placed]:
    """Speak the lines one after the other."""
    placed: list[Placed] = []
    now = scene.lead_ms
    for number, line in enumerate(scene.lines):
        start = now + (line.pause_ms if number else 0)
        samples = _at_level(_spoken(line), line.level_db)
        placed.append(Placed(line, start, samples))
        now = placed[-1].end_ms
    return placed


def _spoken(line: Say) -> Samples:
    if not isinstance(line.voice, Natural):
        return say(line.text, line.voice).samples
    sys.path.append(str(FOLDER.parent))
    from models.training import kokoro

    shares = line.voice.shares
    samples = kokoro.speak(line.text, kokoro.Speaker(shares, shares, line.voice.speed))
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def mix(scene: Scene, placed: list[Placed]) -> Samples:
    """Both channels, shape (n, 2): each party's lines over its own line noise."""
    per_ms = SAMPLE_RATE // 1000
    if scene.duration_ms is not None:
        total = scene.duration_ms * per_ms
    else:
        ends = (item.start_ms * per_ms + len(item.samples) for item in placed)
        total = max(ends) + scene.tail_ms * per_ms
    channels = []
    for number, party in enumerate(_PARTIES):
        seed = zlib.crc32(f"{scene.name}/{party}".encode())
        channel = _line_noise(total, scene.noise_db - 3 * number, seed)
        for item in placed:
            if item.line.party == party:
                first = item.start_ms * per_ms
                channel[first : first + len(item.samples)] += item.samples
        channels.append(channel)
    mixed: Samples = np.clip(np.stack(channels, axis=1), -1, 1).astype(np.float32)
    return mixed


def _at_level(samples: Samples, level_db: float) -> Samples:
    """Scale to an RMS of `level_db` dBFS, with soft edges."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    scaled = samples * np.float32(10 ** (level_db / 20) / rms)
    ramp = np.linspace(0, 1, _FADE, dtype=np.float32)
    scaled[:_FADE] *= ramp
    scaled[-_FADE:] *= ramp[::-1]
    return scaled


def _line_noise(total: int, level_db: float, seed: int) -> Samples:
    """Noise as on a telephone line: falls by 3 dB per octave, with a trace of mains hum."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(total))
    hertz = np.fft.rfftfreq(total, 1 / SAMPLE_RATE)
    spectrum /= np.sqrt(np.maximum(hertz, 50))
    noise = np.fft.irfft(spectrum, total)
    noise /= np.sqrt(np.mean(noise**2))
    noise += 0.2 * np.sin(2 * np.pi * 50 / SAMPLE_RATE * np.arange(total))
    return (noise * 10 ** (level_db / 20)).astype(np.float32)


def _how(scene: Scene) -> tuple[str, int, int | None]:
    return _STUDIO if scene.name == "compliant" else _ENCODINGS[Path(scene.audio).suffix]


def describe(scene: Scene, placed: list[Placed], duration_ms: int) -> dict[str, Any]:
    """The YAML beside the audio."""
    alerts = []
    for phrase in scene.forbidden:
        first, last = _spoken_span(phrase, placed)
        alerts.append(
            {
                "rule": RULES[phrase],
                "phrase": phrase,
                "party": "agent",
                "start_ms": first,
                "end_ms": last,
            }
        )
    return {
        "title": scene.title,
        "audio": scene.audio,
        "duration_ms": duration_ms,
        "pack": PACK,
        "lines": [
            {
                "party": item.line.party,
                "start_ms": item.start_ms,
                "end_ms": item.end_ms,
                "say": item.line.text,
            }
            for item in placed
        ],
        "alerts": {
            "must": alerts,
            "must_not": [{"rule": RULES[text], "phrase": text} for text in scene.quiet],
        },
        "scripts": [
            {"rule": RULES[text], "phrase": text, "state": state}
            for text, state in scene.scripts.items()
        ],
    }


def _spoken_span(phrase: str, placed: list[Placed]) -> tuple[int, int]:
    """Start and end of the agent's lines that together say the phrase."""
    wanted = _letters(phrase)
    mine = [item for item in placed if item.line.party == "agent"]
    for first in range(len(mine)):
        for last in range(first, len(mine)):
            if "".join(_letters(item.line.text) for item in mine[first : last + 1]) == wanted:
                return mine[first].start_ms, mine[last].end_ms
    raise ValueError(f"nobody says {phrase!r}")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def main(names: list[str]) -> None:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    for scene in (*SCENES, *NATURAL_SCENES):
        if names and scene.name not in names:
            continue
        placed = place(scene)
        mixed = mix(scene, placed)
        encode(FOLDER / scene.audio, mixed, *_how(scene))
        duration_ms = len(mixed) * 1000 // SAMPLE_RATE
        with (FOLDER / f"{scene.name}.yaml").open("w", encoding="utf-8") as file:
            source = "natural_scenes" if scene in NATURAL_SCENES else "scenes"
            file.write(f"# Written by generate.py from {source}.py.\n")
            yaml.dump(describe(scene, placed, duration_ms), file)
        size = (FOLDER / scene.audio).stat().st_size
        print(f"{scene.name:20} {duration_ms / 1000:6.1f} s {size / 1e3:8.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
