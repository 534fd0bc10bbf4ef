"""Phrases in posteriors: the score by its definition, the pattern syntax, what protects."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from monitor.asr.ctc.keyword_paths import HEARD, paths_of, syllables
from monitor.asr.ctc.keyword_spotter import FLOOR, HOLD_FRAMES, PROTECTION, Finding, Spotter, Target

SOUNDS = (
    "<b>",
    *sorted(set(lazy_pinyin("你有没搞错这不归我管的啊工号一二三四五六七八九零快点说是"))),
)
NUMBER = {sound: index for index, sound in enumerate(SOUNDS)}


def _posteriors(spoken: Sequence[str | None], sure: float = 0.97) -> np.ndarray:
    """Two frames of each syllable (None: the blank) with a blank between."""
    best = [n for sound in spoken for n in (NUMBER[sound] if sound else 0,) * 2 + (0,)]
    rows = np.full((len(best), len(SOUNDS)), (1 - sure) / (len(SOUNDS) - 1), dtype=np.float32)
    rows[np.arange(len(best)), best] = sure
    return np.log(rows)


def _target(text: str, least: float = -0.5, *protected_by: str) -> Target:
    """A pattern with a limit of `least` nats per syllable of its longest wording."""
    paths = paths_of(text, NUMBER)
    most = max((syllables(path) for path in paths), default=0)
    return Target(text, paths, least * most, frozenset(protected_by))


def _feed(targets: Sequence[Target], rows: np.ndarray, step: int = 1000) -> list[Finding]:
    stream = Spotter(targets, 0).stream()
    found = [f for at in range(0, len(rows), step) for f in stream.feed(rows[at : at + step])]
    return found + stream.finish()


def _spot(
    phrases: Sequence[str], spoken: Sequence[str | None], step: int = 1000, sure: float = 0.97
) -> list[Finding]:
    """What is found with limits that tolerate no wrong syllable."""
    return _feed(
        [_target(text) for text in phrases], _posteriors([None, *spoken, None], sure), step
    )


def test_a_phrase_said_exactly_costs_nothing() -> None:
    (found,) = _spot(["你有没有搞错"], lazy_pinyin("你有没有搞错"))
    assert found.score == pytest.approx(0, abs=1e-6)
    assert (found.text, found.start, found.end) == ("你有没有搞错", 3, 3 * 6)


def test_what_was_not_said_is_not_found() -> None:
    assert _spot(["这不归我管", "快点说"], lazy_pinyin("你有没有搞错")) == []


def test_a_syllable_heard_as_another_costs_what_separates_them() -> None:
    rows = _posteriors([*lazy_pinyin("你有没有搞错"), "de"], sure=0.6)
    (found,) = _feed([_target("你有没有搞错啊", -3.0)], rows)
    separation = np.log(0.6 / (0.4 / (len(SOUNDS) - 1)))
    assert found.score == pytest.approx(-separation, abs=0.01)
    assert found.per_syllable == pytest.approx(-separation / 7, abs=0.01)


def test_a_syllable_that_was_hardly_heard_is_none() -> None:
    rows = _posteriors([*lazy_pinyin("你有没有搞错"), "de"], sure=0.97)
    assert np.log(0.97 / (0.03 / (len(SOUNDS) - 1))) > -HEARD
    assert _feed([_target("你有没有搞错啊", -3.0)], rows) == []


def test_a_negation_must_have_been_heard_well() -> None:
    rows = _posteriors([*lazy_pinyin("这"), "de", *lazy_pinyin("归我管")], sure=0.6)
    assert _feed([_target("这说归我管", -3.0)], rows)
    assert _feed([_target("这不归我管", -3.0)], rows) == []


def test_a_syllable_said_twice_is_not_one() -> None:
    assert _spot(["一一二三"], lazy_pinyin("一二三")) == []
    (found,) = _spot(["一一二三"], lazy_pinyin("一一二三"))
    assert found.score == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("pattern", "said", "there"),
    [
        ("你[有没有]搞错的", "你搞错的", True),
        ("你[有没有]搞错的", "你有没有搞错的", True),
        ("(你|我)有没有搞错", "我有没有搞错", True),
        ("(你|我)有没有搞错", "这有没有搞错", False),
        ("你有没有…3搞错", "你有没有啊的搞错", True),
        ("你有没有…3搞错", "你有没有搞错", True),
        ("你有没有…3搞错", "你有没有" + "啊的" * 6 + "搞错", False),
        ("我是{工号}号的", "我是三五七九号的", True),
        ("我是{工号}号的", "我管不归这的", False),
    ],
)
def test_patterns(pattern: str, said: str, there: bool) -> None:
    assert bool(_spot([pattern], lazy_pinyin(said))) is there


def test_regular_expressions_are_left_to_the_matcher() -> None:
    assert _spot(["/你有没有搞错/"], lazy_pinyin("你有没有搞错")) == []


def test_a_phrase_said_twice_is_found_twice() -> None:
    twice = [*lazy_pinyin("这不归我管"), None, None, *lazy_pinyin("这不归我管")]
    first, second = _spot(["这不归我管"], twice)
    assert first.end < second.start


def test_a_phrase_that_ends_with_the_audio_is_found() -> None:
    rows = _posteriors(lazy_pinyin("这不归我管"))[:-1]
    assert [found.text for found in _feed([_target("这不归我管")], rows)] == ["这不归我管"]


def test_short_phrases_are_left_to_the_text() -> None:
    assert _spot(["不归我"], lazy_pinyin("不归我")) == []
    assert _spot(["不归我啊"], lazy_pinyin("不归我啊")) == []  # a particle does not carry


ALERT = "搞错你有"


def _guarded(shield: str) -> list[Target]:
    """The alert, and a pattern that only protects from it."""
    return [_target(ALERT, -0.5, shield), Target(shield, paths_of(shield, NUMBER), None)]


def test_what_protects_takes_the_place_of_what_it_covers() -> None:
    targets = _guarded("没搞错你有")
    assert _feed(targets, _posteriors(lazy_pinyin("没搞错你有"))) == []
    assert [f.text for f in _feed(targets, _posteriors(lazy_pinyin("这搞错你有")))] == [ALERT]


def test_a_protection_may_have_been_heard_a_little_worse() -> None:
    rows = _posteriors(lazy_pinyin("这搞错你有"))
    assert _feed(_guarded("没搞错你有"), rows)
    rows[:2, NUMBER["mei"]] = rows[:2, NUMBER["zhe"]] - 1.5
    assert PROTECTION > 1.5
    assert _feed(_guarded("没搞错你有"), rows) == []


def test_a_finding_waits_for_what_may_protect_it() -> None:
    longer = "搞错你有点"
    assert _feed(_guarded(longer), _posteriors(lazy_pinyin(longer))) == []
    assert [f.text for f in _feed(_guarded(longer), _posteriors(lazy_pinyin("搞错你有说")))] == [
        ALERT
    ]


def test_it_does_not_wait_for_ever() -> None:
    longer = "搞错你有点"
    stream = Spotter(_guarded(longer), 0).stream()
    rows = _posteriors([*lazy_pinyin(ALERT), *[None] * HOLD_FRAMES])
    ends = [at for at in range(len(rows)) if stream.feed(rows[at : at + 1])]
    said = 3 * len(ALERT) - 3  # where the last syllable begins
    assert ends == [said + HOLD_FRAMES]


def test_a_phrase_spread_over_a_long_silence_is_not_one() -> None:
    spoken = [*lazy_pinyin("这不归"), *[None] * 50, *lazy_pinyin("我管")]
    assert _spot(["这不归我管"], spoken) == []


@settings(deadline=None)
@given(
    said=st.lists(st.sampled_from([*SOUNDS[1:], None]), max_size=12),
    at=st.integers(0, 12),
    step=st.integers(1, 20),
)
def test_cutting_changes_nothing(said: list[str | None], at: int, step: int) -> None:
    said[at:at] = lazy_pinyin("这不归我管")
    phrases = ["这不归我管", "你有没有搞错", "不归…2管"]
    assert _spot(phrases, said, step) == _spot(phrases, said)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 9999), frames=st.integers(3, 6))
def test_the_score_is_the_best_path_of_all(seed: int, frames: int) -> None:
    """Against the definition: every way to lay 我管我 over the frames, counted out."""
    path = [NUMBER[sound] for sound in lazy_pinyin("我管我")]
    random = np.random.default_rng(seed)
    rows = np.log(random.dirichlet(np.full(len(SOUNDS), 0.3), size=frames) + 1e-12)
    scores = np.maximum(rows - rows.max(axis=1, keepdims=True), FLOOR)
    best = -np.inf
    for begin, end in itertools.combinations(range(frames + 1), 2):
        for row in itertools.product([0, *path], repeat=end - begin):
            begins = [at for at, u in enumerate(row) if u and (at == 0 or row[at - 1] != u)]
            heard = [row[at] for at in begins]
            clear = all(scores[begin + at, row[at]] >= HEARD for at in begins)
            if heard == path and row[0] and row[-1] and clear:
                best = max(best, sum(scores[begin + at, u] for at, u in enumerate(row)))
    rows = rows.astype(np.float32)
    stream = Spotter([Target("我管我", paths_of("我管我", NUMBER), -1000.0)], 0).stream()
    got = [said.score for row in rows for said in stream.advance(row)]
    assert max(got, default=-np.inf) == pytest.approx(best, abs=1e-3)  # also where there is none
