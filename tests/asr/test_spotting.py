"""Phrases in posteriors: the score by its definition, the pattern syntax, the `Match`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from monitor.asr import load
from monitor.asr.ctc import CtcRecognizer
from monitor.asr.findings import PartySpotter
from monitor.asr.inventory import Inventory
from monitor.asr.spotting import FLOOR, Spotted, Spotter, align
from monitor.audio.file import read_call
from monitor.errors import UserError
from monitor.events import Chunk, Party, Token
from monitor.resources import fixtures_dir
from monitor.rules.match import Match, Phrase, StepKind

SOUNDS = (
    "<b>",
    *sorted(set(lazy_pinyin("你有没搞错这不归我管的啊工号一二三四五六七八九零快点说是"))),
)
INVENTORY = Inventory(SOUNDS, "syllable", 0)
NUMBER = {sound: index for index, sound in enumerate(SOUNDS)}


def _posteriors(spoken: Sequence[str | None], sure: float = 0.97) -> np.ndarray:
    """Two frames of each syllable (None: the blank) with a blank between."""
    best = [n for sound in spoken for n in (NUMBER[sound] if sound else 0,) * 2 + (0,)]
    rows = np.full((len(best), len(SOUNDS)), (1 - sure) / (len(SOUNDS) - 1), dtype=np.float32)
    rows[np.arange(len(best)), best] = sure
    return np.log(rows)


def _spot(
    phrases: Sequence[str],
    spoken: Sequence[str | None],
    step: int = 1000,
    least: float = -0.5,
) -> list[Spotted]:
    """What is found with a threshold that tolerates no wrong syllable, unless told."""
    limits = dict.fromkeys(phrases, least)
    spotter = Spotter([Phrase(text, text) for text in phrases], INVENTORY, limits)
    stream = spotter.stream()
    rows = _posteriors([None, *spoken, None])
    found = [f for at in range(0, len(rows), step) for f in stream.feed(rows[at : at + step])]
    return found + stream.finish()


def test_a_phrase_said_exactly_costs_nothing() -> None:
    (found,) = _spot(["你有没有搞错"], lazy_pinyin("你有没有搞错"))
    assert found.score == pytest.approx(0, abs=1e-6)
    assert (found.start, found.end) == (3, 3 * 6)
    assert [first for first, _ in found.spans] == [3 * n for n in range(1, 7)]


def test_what_was_not_said_is_not_found() -> None:
    assert _spot(["这不归我管", "快点说"], lazy_pinyin("你有没有搞错")) == []


def test_a_syllable_heard_as_another_costs_what_separates_them() -> None:
    (found,) = _spot(["你有没有搞错啊"], [*lazy_pinyin("你有没有搞错"), "de"], least=-3.0)
    separation = np.log(0.97 / (0.03 / (len(SOUNDS) - 1)))
    assert found.score == pytest.approx(-separation / 7, abs=0.01)
    assert found.scores[-1] == pytest.approx(-separation, abs=0.01)


def test_a_syllable_said_twice_is_not_one() -> None:
    assert _spot(["一一二三"], lazy_pinyin("一二三")) == []
    (found,) = _spot(["一一二三"], lazy_pinyin("一一二三"))
    assert found.score == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("pattern", "said", "there"),
    [
        ("你[有没有]搞错", "你搞错", True),
        ("你[有没有]搞错", "你有没有搞错", True),
        ("(你|我)有没有搞错", "我有没有搞错", True),
        ("(你|我)有没有搞错", "这有没有搞错", False),
        ("你有没有…3搞错", "你有没有啊的搞错", True),
        ("你有没有…3搞错", "你有没有搞错", True),
        ("你有没有…3搞错", "你有没有" + "啊的" * 6 + "搞错", False),
        ("我是{工号}号", "我是三五七九号", True),
        ("我是{工号}号", "我管不归这", False),
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
    spotter = Spotter([Phrase("a", "这不归我管")], INVENTORY)
    stream = spotter.stream()
    rows = _posteriors(lazy_pinyin("这不归我管"))[:-1]
    assert [f.phrase.key for f in stream.feed(rows) + stream.finish()] == ["a"]


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
            heard = [u for at, u in enumerate(row) if u and (at == 0 or row[at - 1] != u)]
            if heard == path and row[0] and row[-1]:
                best = max(best, sum(scores[begin + at, u] for at, u in enumerate(row)))
    spotter = Spotter([Phrase("a", "我管我")], INVENTORY, {"a": -1000.0})
    stream = spotter.stream()
    got = [f.score * 3 for f in stream.feed(rows.astype(np.float32)) + stream.finish()]
    assert max(got, default=-np.inf) == pytest.approx(best, abs=1e-3)


def test_alignment_fills_the_frames() -> None:
    spotter = Spotter([Phrase("a", "不归")], INVENTORY)
    rows = np.maximum(_posteriors(["bu", "gui"])[:-1], FLOOR)
    assert align(rows, spotter.paths[0][1], 0) == [(0, 1), (3, 4)]


def _matches(pattern: str, said: str) -> list[Match]:
    """The pattern spotted in a talk whose tokens are committed late."""
    spotter = PartySpotter(Spotter([Phrase("key", pattern)], INVENTORY), Party.AGENT)
    rows = _posteriors([None, *lazy_pinyin(said)])
    spotter.begin(5_000, 30)
    spotter.hear(rows)
    assert spotter.take([], 5_000) == []
    tokens = [
        Token(Party.AGENT, text, sound, 5_000 + 90 * n + 30, 5_000 + 90 * n + 120)
        for n, (text, sound) in enumerate(zip(said, lazy_pinyin(said), strict=True), start=1)
    ]
    early = spotter.take(tokens, tokens[-1].end_ms)
    spotter.end()
    return early + spotter.take([], 60_000)


def test_a_finding_is_told_as_a_match() -> None:
    (match,) = _matches("你有没有搞错", "这是你有没有搞错的")
    assert (match.quote, match.first_token, match.last_token) == ("你有没有搞错", 2, 7)
    assert match.similarity == 1.0
    assert [step.kind for step in match.alignment] == [StepKind.SAME] * 6
    assert (match.party, match.start_ms, match.end_ms) == (Party.AGENT, 5_270, 5_750)


def test_a_slot_captures_its_value_or_there_is_no_match() -> None:
    (match,) = _matches("我是{工号}号", "我是三五七九号")
    assert match.slots == {"工号": "3579"}
    assert _matches("我是{工号}号", "我是你有没有号") == []


def test_a_call_of_the_package() -> None:
    """The greeting of the bundled call, through the model in the package."""
    try:
        recognizer = load()
    except UserError as error:
        pytest.skip(f"no embedded model: {error}")
    assert isinstance(recognizer, CtcRecognizer)
    phrases = [Phrase("greeting", "请问有什么可以帮您"), Phrase("absent", "你有没有搞错")]
    spotter = PartySpotter(Spotter(phrases, recognizer.inventory), Party.AGENT)
    stream = recognizer.stream(Party.AGENT, spotter)
    matches: list[Match] = []
    tokens: list[Token] = []
    for chunk in read_call(fixtures_dir() / "compliant.wav"):
        if chunk.party is Party.AGENT and chunk.start_ms < 4_500:
            new = stream.feed(Chunk(Party.AGENT, chunk.start_ms, chunk.samples))
            tokens += new
            matches += spotter.take(new, stream.settled_ms)
    new = stream.end_turn()
    tokens += new
    matches += spotter.take(new, stream.settled_ms)
    (match,) = matches
    assert match.key == "greeting"
    assert match.similarity > 0.8
    first, last = tokens[match.first_token], tokens[match.last_token]
    assert (first.syllable, last.syllable) == ("qing", "nin")
