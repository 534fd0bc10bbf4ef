"""Thresholds from speech without the phrases."""

from __future__ import annotations

import numpy as np
import pytest
from pypinyin import lazy_pinyin

from monitor.asr.calibrate import calibrate
from monitor.asr.inventory import Inventory
from monitor.asr.spotting import Spotter
from monitor.rules.match import Phrase

SOUNDS = ("<b>", *sorted(set(lazy_pinyin("这不归我管你快点说话费"))))
PHRASES = [Phrase("common", "这不归我"), Phrase("rare", "快点说话")]


def _posteriors(said: str, sure: float) -> np.ndarray:
    best = [n for sound in lazy_pinyin(said) for n in (SOUNDS.index(sound), 0)]
    rows = np.full((len(best), len(SOUNDS)), (1 - sure) / (len(SOUNDS) - 1), dtype=np.float32)
    rows[np.arange(len(best)), best] = sure
    return np.log(rows)


@pytest.fixture
def spotter() -> Spotter:
    return Spotter(PHRASES, Inventory(SOUNDS, "syllable", 0))


def test_no_more_alarms_than_allowed(spotter: Spotter) -> None:
    stretches = [_posteriors("这不归你" if n % 5 else "话费", 0.9) for n in range(100)]
    limits = calibrate(spotter, stretches, frame_ms=30, rate=0.0)
    for posteriors in stretches:
        scores = dict(
            zip((p.key for p, _ in spotter.paths), spotter.best_scores(posteriors), strict=True)
        )
        assert all(scores[key] <= limits[key] for key in limits)


def test_a_phrase_that_is_often_mistaken_gets_a_stricter_threshold(spotter: Spotter) -> None:
    stretches = [_posteriors("这不归你", 0.9)] * 3 + [_posteriors("费费费费", 0.9)] * 97
    hours = sum(map(len, stretches)) * 30 / 3_600_000
    limits = calibrate(spotter, stretches, frame_ms=30, rate=2.5 / hours)
    assert limits["common"] > limits["rare"]


def test_without_speech_there_is_nothing_to_learn(spotter: Spotter) -> None:
    with pytest.raises(ValueError, match="needs speech"):
        calibrate(spotter, [], frame_ms=30)
