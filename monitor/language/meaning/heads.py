"""One small classifier per family: logistic on the encoder's features, with its thresholds.

The families that come with the product were learned together with the encoder.
A family that is new, or whose examples were changed, gets a head of its own
here, in a second or so, on the same features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from monitor.language.meaning.encoder import Floats

FOLDS = 4
RIDGE = 3e-3
STEPS = 8
LIKELY_SHARE = 1.5e-3
"""Of the windows of ordinary turns, so many may be called likely."""
SURE_SHARE = 2e-4
SURE_MARGIN = 1.75
"""Logits above the highest of the ordinary windows, so that those never seen stay below too."""
SHORT_LIKELY_SHARE = 5e-3
SHORT_COUNTER_SHARE = 0.12
SHORT_SURE_COUNTER_SHARE = 0.01
SHORT_SURE_MARGIN = 1.0
"""The same for short turns: those that are judged whole, with nothing around them."""
FEW = 50
"""Fewer short turns say nothing about rare ones."""
SAID_SHARE = 0.05
"""Of its own counter-examples, so many may be taken for the script."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Logits from which a family is `likely`, `sure`, or (a script) `said`.

    `short_likely` and `short_sure` are those of a short turn as a whole.
    """

    likely: float
    sure: float
    said: float
    short_likely: float
    short_sure: float


@dataclass(frozen=True)
class Head:
    """`weights` float32 [H] and `bias`: a logit; `scale` and `shift` make a probability of it.

    `examples` are the sentences that mean it, `features` float32 [n, H] theirs,
    each of length 1.
    """

    weights: Floats
    bias: float
    scale: float
    shift: float
    thresholds: Thresholds
    examples: tuple[str, ...]
    features: Floats

    def logits(self, features: Floats) -> Floats:
        """Float32 [n] of features [n, H]."""
        found: Floats = features @ self.weights + np.float32(self.bias)
        return found

    def score(self, logit: float) -> float:
        """How probable it is that a sentence with this logit means it, 0–1."""
        return round(float(1.0 / (1.0 + np.exp(-(self.scale * logit + self.shift)))), 3)

    def nearest(self, features: Floats, most: int = 3) -> list[tuple[str, float]]:
        """The examples most like a sentence's features [H], with their cosine."""
        length = float(np.linalg.norm(features)) or 1.0
        alike = self.features @ (features / length)
        order = np.argsort(-alike, kind="stable")[:most]
        return [(self.examples[at], round(float(alike[at]), 3)) for at in order]

    @cached_property
    def digest(self) -> str:
        """A fingerprint of what it decides by."""
        return hashlib.sha256(self.weights.tobytes()).hexdigest()[:12]


def family_digest(version: str, examples: Iterable[str], counter: Iterable[str]) -> str:
    """What a head was learned from: the encoder and the sentences."""
    text = "\0".join([version, *sorted(examples), "\1", *sorted(counter)])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def unit(features: Floats) -> Floats:
    """Rows of length 1."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    found: Floats = (features / np.maximum(lengths, 1e-6)).astype(np.float32)
    return found


def fit(
    examples: Sequence[str],
    positive: Floats,
    negative: Floats,
    ordinary: Floats,
    short: npt.NDArray[np.bool_],
    *,
    counts: bool,
) -> Head:
    """A head from the features of examples, counter-examples and ordinary windows.

    `short` marks the windows that are whole short turns.

    `counts`: ordinary windows are counter-examples too (what nobody should say).
    A script is said in every ordinary call, so they say nothing against it.
    """
    x = np.concatenate([positive, negative, ordinary])
    y = np.zeros(len(x), np.float32)
    y[: len(positive)] = 1.0
    weight = np.concatenate(
        [
            np.full(len(positive), 1.0 / len(positive)),
            np.full(len(negative), 1.0 / len(negative)),
            np.full(len(ordinary), (1.0 if counts else 0.02) / max(1, len(ordinary))),
        ]
    )
    fold = np.arange(len(x)) % FOLDS
    held = np.zeros(len(x), np.float32)
    for number in range(FOLDS):
        learned = fold != number
        w, b = logistic(x[learned], y[learned], weight[learned])
        held[~learned] = x[~learned] @ w + b
    w, b = logistic(x, y, weight)
    ends = (len(positive), len(positive) + len(negative))
    scale, shift = platt(held[: ends[0]], held[ends[0] : ends[1]])
    usual = held[ends[1] :]
    thresholds = choose(held[ends[0] : ends[1]], (usual, usual[short]) if counts else None)
    return Head(w, b, scale, shift, thresholds, tuple(examples), unit(positive))


def logistic(x: Floats, y: Floats, weight: npt.NDArray[np.float64]) -> tuple[Floats, float]:
    """Weighted ridge logistic regression by Newton's method; weights [H] and bias."""
    wide = np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1).astype(np.float64)
    weight = weight / weight.sum()
    ridge = np.full(wide.shape[1], RIDGE / wide.shape[1])
    ridge[-1] = 1e-9
    found = np.zeros(wide.shape[1])
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(wide @ found, -30, 30)))
        slope = wide.T @ (weight * (p - y)) + ridge * found
        curve = (wide * (weight * np.maximum(p * (1 - p), 1e-4))[:, None]).T @ wide
        step = np.linalg.solve(curve + np.diag(ridge), slope)
        found -= step * min(1.0, 10.0 / (float(np.abs(step).max()) + 1e-9))
    return found[:-1].astype(np.float32), float(found[-1])


def platt(positive: Floats, negative: Floats) -> tuple[float, float]:
    """Scale and shift that make held-out logits probabilities (Platt, 1999).

    Its smoothed targets keep few sentences from claiming certainty.
    """
    z = np.concatenate([positive, negative]).astype(np.float64)
    high = (len(positive) + 1) / (len(positive) + 2)
    target = np.concatenate([np.full(len(positive), high), np.full(len(negative), 1 - high)])
    wide = np.stack([z, np.ones_like(z)], axis=1)
    found = np.array([0.5, 0.0])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-np.clip(wide @ found, -30, 30)))
        slope = wide.T @ (p - target)
        curve = (wide * np.maximum(p * (1 - p), 1e-6)[:, None]).T @ wide + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        found -= step * min(1.0, 2.0 / (float(np.abs(step).max()) + 1e-9))
    return round(max(0.05, float(found[0])), 4), round(float(found[1]), 4)


def choose(counter: Floats, ordinary: tuple[Floats, Floats] | None) -> Thresholds:
    """Thresholds from held-out logits of counter-examples, and of ordinary windows and turns."""
    said = float(np.quantile(counter, 1 - SAID_SHARE))
    if ordinary is None or not len(ordinary[0]):
        most = max(said, float(counter.max()))
        return Thresholds(*(round(limit, 3) for limit in (said, most, said, said, most)))
    windows, short = ordinary
    likely = max(said, float(np.quantile(windows, 1 - LIKELY_SHARE)))
    sure = max(likely, float(np.quantile(windows, 1 - SURE_SHARE)) + SURE_MARGIN)
    short_likely, short_sure = likely, sure
    if len(short) >= FEW:
        near = float(np.quantile(counter, 1 - SHORT_COUNTER_SHARE))
        short_likely = max(near, float(np.quantile(short, 1 - SHORT_LIKELY_SHARE)))
        nearest = float(np.quantile(counter, 1 - SHORT_SURE_COUNTER_SHARE))
        short_sure = max(nearest, float(short.max()) + SHORT_SURE_MARGIN, short_likely)
    limits = (likely, sure, said, min(short_likely, likely), min(short_sure, sure))
    return Thresholds(*(round(limit, 3) for limit in limits))
