"""Estimating a network's `FalseAlarms` from speech in which the phrases are not said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.asr.ctc.decode import Posteriors
from monitor.asr.ctc.false_alarms import DOUBT, FalseAlarms, features
from monitor.asr.ctc.inventory import Inventory
from monitor.asr.ctc.keyword_paths import Path

_STEPS = 100
_RIDGE = 1e-3
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mistaken:
    """A path that was sought in `hours` of speech without it, and how it scored there.

    `scores` are its best scores (nats) in the stretches of that speech; those
    below `-DOUBT` may be left out.
    """

    path: Path
    hours: float
    scores: tuple[float, ...]


def prevalence(stretches: Iterable[Posteriors], inventory: Inventory) -> dict[str, float]:
    """ln of each syllable's mean probability relative to the best class of the frame.

    Raises:
        ValueError: no frame was given.
    """
    total = np.zeros(len(inventory.classes))
    frames = 0
    for rows in stretches:
        total += np.exp(rows - rows.max(axis=1, keepdims=True)).sum(axis=0)
        frames += len(rows)
    if not frames:
        raise ValueError("calibration needs speech")
    means = np.log(np.maximum(total / frames, 1e-9))
    return {
        name: round(float(mean), 3)
        for index, (name, mean) in enumerate(zip(inventory.classes, means, strict=True))
        if index != inventory.blank
    }


def estimate(
    mistaken: Sequence[Mistaken],
    common: Mapping[str, float],
    inventory: Inventory,
    network: str,
    hours: float,
) -> FalseAlarms:
    """The background that best explains how often phrases were mistaken.

    A Poisson regression of the counts beyond `DOUBT`; the slope from there to
    half of it, where limits lie, follows from the counts at both ends, one
    more at the lower for caution.

    Args:
        common: `prevalence` of the same speech.
        network: fingerprint of the network.
        hours: of speech in all.

    Raises:
        ValueError: too few phrases were ever mistaken to say anything.
    """
    rows = [features(m.path, inventory.classes, common) for m in mistaken]
    table = np.array([(1.0, *row) for row in rows])
    counts = np.array([sum(score > -DOUBT for score in m.scores) for m in mistaken], np.float64)
    clear = sum(score > -DOUBT / 2 for m in mistaken for score in m.scores)
    if counts.sum() < 10 * table.shape[1]:
        raise ValueError("calibration needs more speech or more phrases")
    weights = _poisson(table, counts, np.array([m.hours for m in mistaken]))
    slope = math.log(counts.sum() / (clear + 1)) / (DOUBT / 2)
    constant, per_syllable, per_prevalence, per_gap = (round(float(w), 4) for w in weights)
    return FalseAlarms(
        network=network,
        hours=round(hours, 2),
        phrases=len(mistaken),
        constant=constant,
        per_syllable=per_syllable,
        per_prevalence=per_prevalence,
        per_gap=per_gap,
        slope=round(slope, 4),
        prevalence=dict(common),
    )


def _poisson(table: Vector, counts: Vector, exposure: Vector) -> Vector:
    """Weights w of counts ~ Poisson(exposure · exp(table · w)), by Newton's method."""
    scale = np.maximum(table.std(axis=0), 1e-9)
    scale[0] = 1.0
    middle = table.mean(axis=0)
    middle[0] = 0.0
    x = (table - middle) / scale
    weights = np.zeros(x.shape[1])
    weights[0] = np.log(counts.sum() / exposure.sum())
    for _ in range(_STEPS):
        expected = exposure * np.exp(np.clip(x @ weights, -30, 30))
        gradient = x.T @ (counts - expected) - _RIDGE * weights
        curvature = (x * expected[:, None]).T @ x + _RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        weights += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    plain: Vector = weights / scale
    plain[0] -= middle[1:] @ plain[1:]
    return plain
