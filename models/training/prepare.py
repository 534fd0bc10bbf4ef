"""Turn clips and texts into training shards: features as the student hears them, soft targets.

A *view* is one pass over all material with its own random voices, rooms, lines and noises. A shard
is a folder-less triple of `.npy` files, complete once its `.json` exists:

    feats   float16 [sum T10, 80]   log filterbank, 10 ms rows
    target  uint16 / weight float16 [sum T, 6]   sparse posteriors, 30 ms rows

The trainer memory-maps whatever shards exist at the start of each epoch, so preparing further views
can go on in the background while it trains.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from models.training import augment, corpus, natural, synth, teacher, texts, units
from models.training.features import RATE, STRIDE, fbank
from models.training.paths import WHISPER_CTC
from models.training.paths import cache as cache_folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Making: TypeAlias = list[tuple[str, Callable[[np.random.Generator], dict[str, Any] | None]]]

PER_SHARD = 200
SYNTHETIC_PER_VIEW = 3200  # mechanical voices: 3.4 h, so that they are not forgotten
ISOLATED_PER_VIEW = 3200  # strung together; a tenth of the audio time
NATURAL_SHARDS = 1000  # numbers of the natural speech's shards begin here
NATURAL_COPIES = 4  # ways in which a pass hears each natural clip
NOISES_PER_VIEW = 160
GAMMA = 0.75  # weight of the transcript's alignment against the teacher's own opinion
LONGEST_S = 14.5


@cache
def _teacher() -> teacher.Listener:
    return teacher.Listener(WHISPER_CTC)


@cache
def _crowd() -> list[Floats]:
    """Clips that make the babble: forty of the training speakers."""
    clips = corpus.sentences()[:: max(1, len(corpus.sentences()) // 40)][:40]
    return [c.read() for c in clips]


def example(
    clean: Floats, label: list[int] | None, gamma: float, rng: np.random.Generator
) -> dict[str, Any] | None:
    """Features and target of one stretch of speech; None where it is too short or long."""
    before, after = (int(RATE * rng.uniform(0.0, 0.35)) for _ in range(2))
    clean = np.pad(clean, (before, after))
    frames = fbank(clean)
    if not 12 <= len(frames) <= LONGEST_S * 100:
        return None
    posterior = _teacher().posteriors(clean, -(-len(frames) // STRIDE))
    target = posterior
    if label is not None:
        aligned = teacher.align(posterior, label)
        if aligned is None:
            return None
        target = gamma * aligned + (1 - gamma) * posterior
    heard = fbank(augment.worsen(clean, rng, _crowd()))
    best, weight = teacher.sparse(target)
    return {"feats": heard.astype(np.float16), "target": best, "weight": weight, "label": label}


def _from_clips(clips: list[corpus.Clip], rng: np.random.Generator) -> dict[str, Any] | None:
    parts: list[Floats] = []
    label: list[int] | None = []
    for clip in clips:
        if clip.isolated:
            trimmed = trim(clip.read())
            level = augment.level(trimmed) + 1e-6
            gap = int(RATE * float(np.exp(rng.uniform(-3.0, -0.4))))
            parts += [trimmed * (0.05 / level), np.zeros(gap, np.float32)]
        else:
            parts.append(clip.read())
        if clip.units is None:
            label = None
        elif label is not None:
            label += clip.units
    clean = augment.vary_voice(np.concatenate(parts), rng)
    return example(clean, label, GAMMA, rng)


def trim(samples: Floats) -> Floats:
    """Without the quiet ends (30 dB below the loud part), 40 ms kept."""
    blocks = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = (blocks**2).mean(1)
    loud = np.flatnonzero(power > augment.level(samples) ** 2 * 1e-3)
    if not len(loud):
        return samples
    return samples[max(0, loud[0] - 4) * 160 : (loud[-1] + 5) * 160]


def _synthetic(rng: np.random.Generator) -> dict[str, Any] | None:
    draw = rng.random()
    if draw < 0.62:
        pool = texts.templates()
        template = pool[int(rng.integers(len(pool)))]
        text = texts.clauses(texts.fill(template, rng), rng)
        if texts.held_out(template) or texts.held_out(text):
            return None
    elif draw < 0.85:
        text = texts.random_words(rng)
    else:
        clips = _readable()
        text = texts.clauses(clips[int(rng.integers(len(clips)))].text, rng)
    label = units.from_hanzi(text)
    if not label:
        return None
    clean = synth.speak(text, synth.draw_voice(rng))
    if rng.random() < 0.3:
        clean = augment.vary_voice(clean, rng, 0.6)
    return example(clean, label, 0.9, rng)


@cache
def _readable() -> list[corpus.Clip]:
    return [c for c in corpus.sentences() if c.units]


def _noise(rng: np.random.Generator) -> dict[str, Any]:
    """A stretch without words: line noise, tones, distant babble; all blank."""
    length = int(RATE * rng.uniform(1.5, 8))
    sound = augment.coloured_noise(length, rng) * 10 ** (rng.uniform(-70, -25) / 20)
    if rng.random() < 0.4:
        time = np.arange(length) / RATE
        beat = (np.sin(2 * np.pi * time * rng.uniform(0.2, 3)) > rng.uniform(-1, 1)).astype(float)
        tones = rng.choice([350.0, 425.0, 440.0, 450.0, 697.0, 941.0, 1209.0, 1477.0], 2)
        sound = sound + beat * 0.05 * sum(np.sin(2 * np.pi * t * time) for t in tones)
    if rng.random() < 0.3:
        sound = sound * (rng.random() < 0.5)
    if rng.random() < 0.5:
        sound = augment.telephone(sound.astype(np.float32), rng)
    heard = fbank(np.clip(sound, -1, 1).astype(np.float32))
    rows = -(-len(heard) // STRIDE)
    best = np.tile(np.arange(teacher.TOP, dtype=np.uint16), (rows, 1))
    weight = np.zeros((rows, teacher.TOP), np.float16)
    weight[:, units.BLANK] = 1.0
    return {"feats": heard.astype(np.float16), "target": best, "weight": weight, "label": []}


def _natural(clip: natural.Spoken, rng: np.random.Generator) -> dict[str, Any] | None:
    """A clip of the natural speech, half of them with another vocal tract or tempo."""
    clean = trim(clip.read())
    if rng.random() < 0.5:
        clean = augment.vary_voice(clean, rng)
    return example(clean, list(clip.units), GAMMA, rng)


@cache
def _spoken() -> list[natural.Spoken]:
    return list(natural.clips())


@cache
def jobs(view: int) -> Making:
    """All examples of a view in random order: name and how to make it."""
    rng = np.random.default_rng([view, 7])
    made: Making = []

    def add(name: str, clips: list[corpus.Clip]) -> None:
        made.append((name, lambda r: _from_clips(clips, r)))

    for clip in corpus.sentences():
        add("real", [clip])
    words = corpus.isolated()
    picked = [words[int(i)] for i in rng.permutation(len(words))[:ISOLATED_PER_VIEW]]
    while picked:
        size = int(rng.integers(1, 7))
        add("isolated", picked[:size])
        picked = picked[size:]
    made += [("synthetic", _synthetic)] * SYNTHETIC_PER_VIEW
    made += [("noise", _noise)] * NOISES_PER_VIEW
    return [made[int(i)] for i in rng.permutation(len(made))]


def chosen(view: int, shard: int) -> Making:
    """What belongs into a shard: so many jobs of the view, or of the natural clips."""
    if shard < NATURAL_SHARDS:
        return jobs(view)[shard * PER_SHARD : (shard + 1) * PER_SHARD]
    number = (shard - NATURAL_SHARDS) // NATURAL_COPIES
    clips = _spoken()[number * PER_SHARD : (number + 1) * PER_SHARD]
    return [("natural", partial(_natural, clip)) for clip in clips]


def write_shard(view: int, shard: int) -> Path:
    """Make and store one shard (skipped where it exists); returns its `.json`."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"v{view:02d}-{shard:03d}"
    done = stem.with_suffix(".json")
    if done.exists():
        return done
    kinds, examples = [], []
    for number, (kind, make) in enumerate(chosen(view, shard)):
        made = make(np.random.default_rng([view, shard, number]))
        if made is not None:
            kinds.append(kind)
            examples.append(made)
    for key in ("feats", "target", "weight"):
        np.save(f"{stem}.{key}.npy", np.concatenate([e[key] for e in examples]))
    index = [
        {"kind": kind, "rows": len(e["feats"]), "label": e["label"]}
        for kind, e in zip(kinds, examples, strict=True)
    ]
    part = stem.with_suffix(".part")
    part.write_text(json.dumps(index), encoding="utf-8")
    part.replace(done)
    return done


def shards_per_view(share: float = 1.0) -> list[int]:
    """The numbers of a view's shards, whole lots of natural clips between the others."""
    lots = len(_spoken()) // PER_SHARD * NATURAL_COPIES
    usual = math.ceil(len(jobs(0)) / PER_SHARD * share)
    both = ((n / max(lots, 1), NATURAL_SHARDS + n) for n in range(lots))
    return [n for _, n in sorted((*both, *((n / usual, n) for n in range(usual))))]


def run(views: list[int], workers: int, nice: int = 10, share: float = 1.0) -> None:
    """Write the shards of the views with a pool of processes.

    `share` below 1: all of the natural speech and so much of the rest, which is in random order.
    """
    from concurrent.futures import ProcessPoolExecutor

    numbers = shards_per_view(share)
    tasks = [(view, number) for view in views for number in numbers]
    texts.random_words(np.random.default_rng(0))  # its table is made once, for all workers
    with ProcessPoolExecutor(workers, initializer=os.nice, initargs=(nice,)) as pool:
        for done in pool.map(write_shard, *zip(*tasks, strict=True)):
            print(json.dumps({"shard": done.name}), flush=True)
