"""Thresholds for spotting from speech in which the phrases are not said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from monitor.asr.decode import Posteriors
from monitor.asr.spotting import Spotter, syllables


def calibrate(
    spotter: Spotter, stretches: Iterable[Posteriors], frame_ms: int, rate: float = 0.05
) -> dict[str, float]:
    """The threshold of each phrase, in nats per syllable, for a rate of false alarms.

    Phrases of one length share what can be learnt from all of them together;
    one that is mistaken more often than the rate by itself gets its own,
    stricter threshold.

    Args:
        stretches: log-probabilities [frames, classes] of stretches of speech in
            which none of the phrases is said.
        rate: false alarms per hour and phrase; at most one is counted per stretch.

    Raises:
        ValueError: no stretch was given.
    """
    own: dict[str, list[float]] = defaultdict(list)
    frames = 0
    for posteriors in stretches:
        frames += len(posteriors)
        best: dict[str, float] = {}
        for (phrase, _), score in zip(spotter.paths, spotter.best_scores(posteriors), strict=True):
            best[phrase.key] = max(float(score), best.get(phrase.key, -float("inf")))
        for key, score in best.items():
            own[key].append(score)
    if not frames:
        raise ValueError("calibration needs speech")
    hours = frames * frame_ms / 3_600_000
    length = {phrase.key: syllables(path) for phrase, path in spotter.paths}
    shared: dict[int, list[float]] = defaultdict(list)
    for key, scores in own.items():
        shared[length[key]] += scores
    limits = {
        count: _limit(scores, rate * hours * sum(length[key] == count for key in own))
        for count, scores in shared.items()
    }
    return {
        key: max(limits[length[key]], _limit(scores, rate * hours)) for key, scores in own.items()
    }


def _limit(scores: list[float], allowed: float) -> float:
    """The score that no more than `allowed` of the scores exceed."""
    ranked = sorted(scores, reverse=True)
    return ranked[min(int(allowed), len(ranked) - 1)]
