"""The heads of all families in use: those that were shipped, the others fitted and kept.

What was fitted is kept in the user's folder under the fingerprint of its
sentences, so that a changed file is learned anew and an unchanged one only once.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from monitor.base import package_files
from monitor.base.errors import UserError
from monitor.base.files import write_bytes_atomically
from monitor.base.user_folders import user_folder
from monitor.language.meaning.encoder import Encoder, Floats, load
from monitor.language.meaning.heads import Head, Thresholds, family_digest, fit


@dataclass(frozen=True)
class Shipped:
    """The heads that come with the product, by digest, and windows of ordinary turns."""

    heads: Mapping[str, Head]
    ordinary: Floats  # float32 [n, H]
    short: npt.NDArray[np.bool_]  # [n]: whole short turns


@dataclass(frozen=True, slots=True)
class Sentences:
    """What one family is learned from; `counts`: nobody should say it (see `fit`)."""

    examples: tuple[str, ...]
    counter: tuple[str, ...]
    counts: bool


@lru_cache(maxsize=1)
def shipped() -> Shipped:
    """Read `models/meaning/heads.npz`; empty where it is missing."""
    file = package_files.models_dir() / "meaning" / "heads.npz"
    if not file.is_file():
        return Shipped({}, np.zeros((0, load().width), np.float32), np.zeros(0, np.bool_))
    with np.load(file, allow_pickle=False) as data:
        heads: dict[str, Head] = {}
        start = 0
        for number, digest in enumerate(data["digests"]):
            count = int(data["counts"][number])
            heads[str(digest)] = Head(
                data["weights"][number].astype(np.float32),
                float(data["bias"][number]),
                float(data["scale"][number]),
                float(data["shift"][number]),
                Thresholds(*(round(float(t), 3) for t in data["thresholds"][number])),
                tuple(map(str, data["examples"][start : start + count])),
                data["features"][start : start + count].astype(np.float32),
            )
            start += count
        return Shipped(heads, data["ordinary"].astype(np.float32), data["short"])


@lru_cache(maxsize=256)
def head_of(sentences: Sentences) -> Head:
    """The head of a family: shipped, kept from before, or fitted now."""
    encoder = load()
    digest = family_digest(encoder.version, sentences.examples, sentences.counter)
    known = shipped().heads.get(digest)
    if known is not None:
        return known
    name = f"{digest}{'' if sentences.counts else '-script'}.npz"
    file = user_folder() / "like" / name
    kept = _kept(file)
    if kept is not None:
        return kept
    found = _fitted(encoder, sentences)
    _keep(file, found)
    return found


def _fitted(encoder: Encoder, sentences: Sentences) -> Head:
    return fit(
        sentences.examples,
        encoder.features(sentences.examples),
        encoder.features(sentences.counter),
        shipped().ordinary,
        shipped().short,
        counts=sentences.counts,
    )


def _kept(file: Path) -> Head | None:
    try:
        with np.load(file, allow_pickle=False) as data:
            numbers = data["numbers"]
            return Head(
                data["weights"],
                float(numbers[0]),
                float(numbers[1]),
                float(numbers[2]),
                Thresholds(*(float(t) for t in numbers[3:8])),
                tuple(map(str, data["examples"])),
                data["features"],
            )
    except (OSError, KeyError, ValueError, TypeError):
        return None


def _keep(file: Path, head: Head) -> None:
    """Keep it, where the user's folder can be written; without it the next start fits again."""
    buffer = io.BytesIO()
    limits = head.thresholds
    numbers = [head.bias, head.scale, head.shift, *astuple(limits)]
    np.savez_compressed(
        buffer,
        weights=head.weights,
        numbers=np.array(numbers),
        examples=np.array(head.examples),
        features=head.features,
    )
    try:
        write_bytes_atomically(file, buffer.getvalue())
    except (OSError, UserError):
        return


def stacked(heads: Sequence[Head]) -> tuple[Floats, Floats]:
    """All heads as one matrix float32 [H, n] and their biases [n]."""
    if not heads:
        return np.zeros((load().width, 0), np.float32), np.zeros(0, np.float32)
    return (
        np.stack([head.weights for head in heads], axis=1),
        np.array([head.bias for head in heads], np.float32),
    )
