"""The encoder of Whisper base as the teacher's ear: windows of sound → 50 frames a second.

CTranslate2 runs the encoder on windows of any length; 4 to 15 s cost a third per second of what
30 s cost. Clips are brought to one loudness and laid end to end with a pause between them.

    python -m models.training encode

writes shards for the head's training into the cache folder: `encoded/KIND-VIEW-NNN.enc.npy`
(float16 [frames, 512]) and `.json` with the frames and units of each window.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from models.training import augment, corpus, natural, paths, registry
from models.training.features import RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WIDTH = 512
HOP = 320  # samples per frame of the encoder: 20 ms
PAUSE = RATE // 2
LOUDNESS = 0.06  # root mean square of the louder half of a clip
WINDOWS_S = (4.0, 15.0)
PER_SHARD = 300  # clips
KINDS = ("commonvoice", "aishell", "natural", "isolated")
VIEWS = ("clean", "worse")


@cache
def _model() -> Any:
    import ctranslate2

    return ctranslate2.models.Whisper(
        str(registry.whisper_base()), device="cpu", compute_type="int8", intra_threads=1
    )


@cache
def _mel() -> Any:
    from faster_whisper.feature_extractor import FeatureExtractor

    return FeatureExtractor()


def encode(window: Floats) -> Floats:
    """Samples of up to 30 s → frames [ceil(samples / 320), 512]."""
    import ctranslate2

    count = max(2, -(-len(window) // HOP) * 2)
    padded = np.pad(window, (0, count * 160 - len(window)))
    mel = np.ascontiguousarray(_mel()(padded, padding=160)[None, :, :count], np.float32)
    return np.array(_model().encode(ctranslate2.StorageView.from_array(mel), to_cpu=True))[0]


def level(samples: Floats) -> Floats:
    """A clip at the loudness that windows are made of."""
    scaled = samples * (LOUDNESS / (augment.level(samples) + 1e-5))
    return np.asarray(np.clip(scaled, -1.0, 1.0), np.float32)


def windows(
    clips: Sequence[tuple[Floats, tuple[int, ...]]], rng: np.random.Generator
) -> Iterator[tuple[Floats, list[int]]]:
    """Clips end to end in windows of random length, none cut: sound and units of each."""
    parts: list[Floats] = []
    label: list[int] = []
    length, target = 0, 0.0
    for samples, read in clips:
        if parts and length + len(samples) > target:
            yield np.concatenate(parts), label
            parts, label, length = [], [], 0
        if not parts:
            target = rng.uniform(*WINDOWS_S) * RATE
        gap = int(PAUSE * rng.uniform(0.4, 1.2))
        parts += [level(samples), np.zeros(gap, np.float32)]
        label = label + list(read)
        length += len(samples) + gap
    if parts:
        yield np.concatenate(parts), label


def material(kind: str) -> list[Any]:
    """The labelled training clips of a kind, in a fixed random order."""
    if kind == "natural":
        return list(natural.clips())  # in the order they were made: shards stay the same
    found: list[Any]
    if kind == "isolated":
        found = corpus.isolated()
    else:
        found = [
            c for c in corpus.sentences() if (c.source == "commonvoice") == (kind != "aishell")
        ]
    found = [c for c in found if c.units]
    order = np.random.default_rng(3).permutation(len(found))
    return [found[int(i)] for i in order]


@cache
def _crowd() -> list[Floats]:
    return [c.read() for c in material("commonvoice")[::100]]


def folder() -> Path:
    """Where the shards are."""
    return paths.cache() / "encoded"


def write_shard(kind: str, view: str, number: int, clips: list[Any]) -> dict[str, Any]:
    """Encode some clips as one shard."""
    seed = [KINDS.index(kind), VIEWS.index(view), number]
    rng = np.random.default_rng(seed)
    heard = []
    for clip in clips:
        samples = augment.vary_voice(clip.read(), rng, 0.8)
        if view == "worse":
            samples = augment.worsen(samples, rng, _crowd())
        heard.append((samples, clip.units))
    frames, index = [], []
    for window, label in windows(heard, rng):
        rows = encode(window)
        frames.append(rows.astype(np.float16))
        index.append({"rows": len(rows), "label": label})
    folder().mkdir(parents=True, exist_ok=True)
    stem = folder() / f"{kind}-{view}-{number:03d}"
    np.save(stem.with_suffix(".enc.npy"), np.concatenate(frames))
    part = stem.with_suffix(".part")
    part.write_text(json.dumps(index), encoding="utf-8")
    part.replace(stem.with_suffix(".json"))
    return {"encoded": stem.name, "minutes": round(sum(e["rows"] for e in index) / 3000, 2)}


def run(
    kinds: Sequence[str], views: Sequence[str], share: float = 1.0, nice: int = 10
) -> Iterator[dict[str, Any]]:
    """Encode what is not yet encoded: of each kind and view the first `share` of the shards."""
    os.nice(nice)
    for view in views:
        for kind in kinds:
            clips = material(kind)
            whole = len(clips) // PER_SHARD if kind == "natural" else -(-len(clips) // PER_SHARD)
            for number in range(int(np.ceil(whole * share))):
                if not (folder() / f"{kind}-{view}-{number:03d}.json").exists():
                    chosen = clips[number * PER_SHARD : (number + 1) * PER_SHARD]
                    yield write_shard(kind, view, number, chosen)
