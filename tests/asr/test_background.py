"""Limits of phrases from the speech of strangers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from models.training.false_alarms import Mistaken, estimate, prevalence
from monitor.asr.ctc import false_alarms, model_folder
from monitor.asr.ctc.false_alarms import DOUBT, MOST_DOUBT, FalseAlarms
from monitor.asr.ctc.inventory import Inventory
from monitor.asr.ctc.keyword_paths import paths_of
from monitor.base.errors import UserError
from monitor.base.package_files import models_dir
from monitor.language.phrases.costs import NATS_PER_EDIT
from monitor.language.phrases.keywords import Keyword

SOUNDS = ("<b>", *sorted(set(lazy_pinyin("这不归我管你快点说话费的是"))))
INVENTORY = Inventory(SOUNDS, "syllable", 0)
NUMBER = {sound: index for index, sound in enumerate(SOUNDS)}
COMMON = {sound: -6.0 if sound in ("de", "shi") else -8.0 for sound in SOUNDS[1:]}


def _background(**changes: float) -> FalseAlarms:
    numbers = {
        "constant": 5.0,
        "per_syllable": 3.0,
        "per_prevalence": 0.7,
        "per_gap": 0.5,
        "slope": 0.5,
        **changes,
    }
    return FalseAlarms(network="", hours=1, phrases=1, prevalence=COMMON, **numbers)


def _chance(text: str, **changes: float) -> float:
    return _background(**changes).chance(paths_of(text, NUMBER), SOUNDS)


@settings(deadline=None)
@given(st.floats(1e-6, 10), st.floats(-20, 20))
def test_doubt_and_rate_belong_together(rate: float, chance: float) -> None:
    doubt = _background().doubt(chance, rate)
    assert _background().rate(chance, doubt) == pytest.approx(rate)
    assert _background().rate(chance, doubt + 1) > rate


def test_short_and_common_and_loose_phrases_are_mistaken_more_often() -> None:
    long, short = _chance("这不归我管的", per_syllable=2.0), _chance("这不归我", per_syllable=2.0)
    assert short > long
    assert _chance("是是是是的的") > _chance("这不归我管费")
    assert _chance("这不归…8我管的") > _chance("这不归我管的")


def test_wordings_add_up() -> None:
    one, other = math.exp(_chance("这不归我管")), math.exp(_chance("你不归我管"))
    assert math.exp(_chance("[这]不归我管")) > math.exp(_chance("不归我管"))
    assert math.exp(_chance("(这|你不归)我管话费")) == pytest.approx(
        math.exp(_chance("这我管话费")) + math.exp(_chance("你不归我管话费"))
    )
    assert one == pytest.approx(other)


def _targets(*phrases: Keyword, rate: float = 0.2) -> dict[str, float | None]:
    made = false_alarms.targets(phrases, INVENTORY, _background(constant=14.0), rate)
    return {target.text: target.limit for target in made}


def test_phrases_share_the_rate() -> None:
    alone = _targets(Keyword("这不归我管"))["这不归我管"]
    shared = _targets(Keyword("这不归我管"), Keyword("你快点说话"))["这不归我管"]
    assert alone is not None
    assert shared is not None
    assert shared == pytest.approx(alone + math.log(2) / 0.5, abs=1e-3)
    protecting = Keyword("你快点说话", tell=False)
    assert _targets(Keyword("这不归我管"), protecting) == {"这不归我管": alone, "你快点说话": None}


def test_what_one_phrase_cannot_use_goes_to_the_others() -> None:
    alone = _targets(Keyword("这不归我管"))["这不归我管"]
    beside = _targets(Keyword("这不归我管"), Keyword("你快点说话", likeness=1.0))
    assert beside["你快点说话"] == 0
    assert alone is not None
    half = alone + math.log(2) / 0.5
    assert beside["这不归我管"] is not None
    assert alone < beside["这不归我管"] < half


@settings(deadline=None)
@given(st.floats(1e-4, 2.0), st.integers(1, 5), st.floats(8, 16))
def test_together_they_cost_no_more_than_the_rate(rate: float, count: int, constant: float) -> None:
    texts = [
        "这不归我管",
        "你快点说话",
        "话费是这话费",
        "[这]不归…3我管的",
        "是的是的是",
        "管你说话",
    ]
    made = false_alarms.targets(
        [Keyword(text) for text in texts[:count]], INVENTORY, _background(constant=constant), rate
    )
    cost = sum(
        _background(constant=constant).rate(_chance(t.text, constant=constant), -t.limit)
        for t in made
        if t.limit is not None
    )
    assert cost <= rate * 1.001
    assert all(t.limit is None or t.limit <= 0 for t in made)


def test_no_score_is_rare_enough_for_some() -> None:
    made = false_alarms.targets([Keyword("的是的是")], INVENTORY, _background(constant=30.0))
    assert made[0].limit is None


def test_nothing_doubtful_counts_however_rare() -> None:
    text = "这不归我管你快点说话费"
    assert _targets(Keyword(text), rate=1e9)[text] == pytest.approx(-MOST_DOUBT * len(text))


def test_the_likeness_a_rule_asks_for_holds() -> None:
    limit = _targets(Keyword("这不归我管", likeness=0.9))["这不归我管"]
    assert limit == pytest.approx(-NATS_PER_EDIT * 0.1 * 5)


def test_what_is_too_short_takes_no_share() -> None:
    limits = _targets(Keyword("这不归我管"), Keyword("快点说"))
    assert limits["快点说"] is None
    assert limits["这不归我管"] == _targets(Keyword("这不归我管"))["这不归我管"]


def test_an_estimate_tells_what_it_was_made_from() -> None:
    """Counts drawn from a known background give it back."""
    truth = _background(constant=11.0, per_gap=0.6)
    random = np.random.default_rng(3)
    texts = {
        "".join(random.choice(list("这归我管你快点说话费的是"), size)): None
        for size in (4, 5, 6) for _ in range(300)
    }  # fmt: skip
    mistaken = []
    for number, text in enumerate(texts):
        pattern = f"{text[:2]}…4{text[2:]}" if number % 3 == 0 else text
        path = paths_of(pattern, NUMBER)[-1]
        count = random.poisson(2.0 * math.exp(truth.chance([path], SOUNDS)))
        scores = tuple(random.exponential(1 / truth.slope, count) - DOUBT)
        mistaken.append(Mistaken(path, 2.0, scores))
    found = estimate(mistaken, COMMON, INVENTORY, "x", 2.0)
    assert found.slope == pytest.approx(truth.slope, rel=0.1)
    for m in mistaken[:50]:
        assert found.chance([m.path], SOUNDS) == pytest.approx(
            truth.chance([m.path], SOUNDS), abs=0.3
        )


def test_too_little_speech_is_refused() -> None:
    path = paths_of("这不归我管", NUMBER)[0]
    with pytest.raises(ValueError, match="more speech"):
        estimate([Mistaken(path, 1.0, (-3.0,))], COMMON, INVENTORY, "x", 1.0)
    with pytest.raises(ValueError, match="needs speech"):
        prevalence([], INVENTORY)


def test_prevalence_is_a_mean_over_frames() -> None:
    rows = np.log(np.full((10, len(SOUNDS)), 1e-4, dtype=np.float32))
    rows[:, 0] = 0.0
    rows[:5, NUMBER["wo"]] = 0.0
    common = prevalence([rows], INVENTORY)
    assert common["wo"] == pytest.approx(math.log(0.50005), abs=1e-3)
    assert "<b>" not in common


def test_an_unusable_file_is_named(tmp_path: Path, tiny: Any) -> None:
    path = tiny.write(tmp_path, "cache")
    assert false_alarms.read(model_folder.read(path)) is None
    (path / false_alarms.FILE).write_text('{"slope": 0}', "utf-8")
    with pytest.raises(UserError, match=r"spotting\.json"):
        false_alarms.read(model_folder.read(path))


def test_the_package_has_one_for_its_network() -> None:
    """Whoever replaces the network runs `python -m models.training.spotting models/embedded`."""
    embedded = model_folder.read(models_dir() / "embedded")
    found = false_alarms.read(embedded)
    assert found is not None
    assert found.network == false_alarms.digest(embedded.network)


def test_the_package_has_one_for_the_fsmn_network(shared: Path) -> None:
    fsmn = model_folder.read(shared / "models" / "fsmn-charctc")
    found = false_alarms.read(fsmn)
    assert found is not None
    assert found.network == false_alarms.digest(fsmn.network)
