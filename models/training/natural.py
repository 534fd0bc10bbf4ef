"""The natural synthetic speech: Kokoro says the recipe's texts; clips are kept in the cache folder.

    python -m models.training natural --hours 2

A shard is `natural/NNNN.pcm.npy` (int16, 16 kHz, clip after clip) and `NNNN.json`, written last;
what exists is kept, so the step may be stopped and taken up, and may run while training does.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from models.training import corpus, kokoro, paths, texts, units
from models.training.features import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

PER_SHARD = 60
SERVICE, READ = 0.78, 0.12  # shares of service texts and of read sentences; the rest random words
LONGEST_S = 14.0


@dataclass(frozen=True)
class Spoken:
    """One clip of the natural speech."""

    shard: Path
    start: int
    stop: int
    text: str
    units: tuple[int, ...]
    speaker: dict[str, Any]

    def read(self) -> Floats:
        """The samples, 16 kHz mono."""
        pcm = np.load(self.shard.with_suffix(".pcm.npy"), mmap_mode="r")[self.start : self.stop]
        return np.asarray(pcm, np.float32) / 32768.0


@cache
def _readable() -> list[corpus.Clip]:
    return [c for c in corpus.sentences() if c.units]


def draw_text(rng: np.random.Generator) -> str:
    """Something to say, hanzi and punctuation; empty where the draw fell on a held-out sentence."""
    draw = rng.random()
    if draw < SERVICE:
        written = (*texts.turns(), *texts.ordinary())
        pool = written if rng.random() < 0.8 else texts.templates()
        template = pool[int(rng.integers(len(pool)))]
        text = texts.clauses(texts.fill(template, rng), rng, longest=36)
        return "" if texts.held_out(template) or texts.held_out(text) else text
    if draw < SERVICE + READ:
        clips = _readable()
        return texts.clauses(clips[int(rng.integers(len(clips)))].text, rng)
    return texts.random_words(rng)


def folder() -> Path:
    """Where the clips are."""
    return paths.cache() / "natural"


def write_shard(number: int) -> float:
    """Make one shard; returns its seconds of speech."""
    said: list[tuple[Floats, dict[str, Any]]] = []
    for item in range(PER_SHARD):
        rng = np.random.default_rng([number, item, 20])
        text = draw_text(rng)
        label = units.from_hanzi(text)
        if not label or len(label) < 2:
            continue
        speaker = kokoro.draw_speaker(rng)
        try:
            sound = kokoro.speak(text, speaker)
        except ValueError:
            continue
        if len(sound) <= LONGEST_S * RATE:
            said.append((sound, {"text": text, "units": label, "speaker": asdict(speaker)}))
    store(folder() / f"{number:04d}", said)
    return sum(len(sound) for sound, _ in said) / RATE


def store(stem: Path, said: Sequence[tuple[Floats, dict[str, Any]]]) -> None:
    """Write a shard of sounds and their facts; it is complete once its `.json` exists."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    index: list[dict[str, Any]] = []
    at = 0
    for sound, facts in said:
        index.append({"start": at, "stop": at + len(sound), **facts})
        at += len(sound)
    joined = np.concatenate([np.clip(sound, -1, 1) for sound, _ in said])
    np.save(stem.with_suffix(".pcm.npy"), np.round(joined * 32767).astype(np.int16))
    part = stem.with_suffix(".part")
    part.write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")
    part.replace(stem.with_suffix(".json"))


def stored(path: Path) -> list[Spoken]:
    """The clips of a shard's `.json`."""
    return [
        Spoken(path, **entry | {"units": tuple(entry["units"])})
        for entry in json.loads(path.read_text(encoding="utf-8"))
    ]


def clips() -> list[Spoken]:
    """All clips made so far."""
    return [clip for path in sorted(folder().glob("*.json")) for clip in stored(path)]


def run(hours: float, nice: int = 10, first: int = 0) -> Iterator[dict[str, Any]]:
    """Shards from `first` on until there are so many hours in all; one record per new shard."""
    os.nice(nice)
    total = sum(c.stop - c.start for c in clips()) / RATE
    number = first
    while total < hours * 3600:
        if not (folder() / f"{number:04d}.json").exists():
            total += write_shard(number)
            yield {"shard": number, "hours": round(total / 3600, 3)}
        number += 1
