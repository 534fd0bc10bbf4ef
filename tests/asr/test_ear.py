"""When a find is told: with the tokens it lies on, whatever the cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.asr import load
from monitor.asr.ctc.keyword_events import KeywordEvents
from monitor.asr.ctc.keyword_paths import paths_of
from monitor.asr.ctc.keyword_spotter import Spotter, Target
from monitor.asr.protocol import Spots
from monitor.audio.file import read_call
from monitor.base.errors import UserError
from monitor.base.package_files import fixtures_dir
from monitor.events import Chunk, Party, Samples, Spotted, Token
from monitor.language.phrases.keywords import Keyword

SOUNDS = ("<b>", "ni", "you", "mei", "gao", "cuo", "a")
NUMBER = {sound: index for index, sound in enumerate(SOUNDS)}
FRAME_MS, TRAIL_MS = 30, 60
SAID = ("ni", "you", "mei", "gao", "cuo", "a")


def _rows(said: Sequence[str]) -> np.ndarray:
    """Two frames of each syllable and a blank."""
    best = [n for sound in said for n in (NUMBER[sound],) * 2 + (0,)]
    rows = np.full((len(best), len(SOUNDS)), 0.005, dtype=np.float32)
    rows[np.arange(len(best)), best] = 0.97
    return np.log(rows)


def _tokens(said: Sequence[str], start_ms: int = 0) -> list[Token]:
    """What the recogniser makes of them: a token ends `TRAIL_MS` after its last frame."""
    ends = [start_ms + (3 * at + 2) * FRAME_MS + TRAIL_MS for at in range(len(said))]
    return [
        Token(Party.AGENT, sound, sound, begin, end)
        for sound, begin, end in zip(said, [start_ms, *ends], ends, strict=False)
    ]


def _spotter(text: str = "你有没搞错") -> Spotter:
    return Spotter([Target(text, paths_of(text, NUMBER), -1.0)], 0)


def _ear(spotter: Spotter | None = None, start_ms: int = 0) -> KeywordEvents:
    ear = KeywordEvents(spotter or _spotter(), Party.AGENT, TRAIL_MS)
    ear.begin(start_ms, FRAME_MS)
    return ear


def test_a_find_is_told_when_its_last_token_is_out() -> None:
    ear, tokens = _ear(start_ms=5_000), _tokens(SAID, 5_000)
    ear.hear(_rows(SAID))
    ear.commit(tokens[:4], tokens[3].end_ms)
    assert ear.take() == []
    ear.commit(tokens[4:5], tokens[4].end_ms)
    (found,) = ear.take()
    start, end = tokens[0].start_ms, tokens[4].end_ms
    assert found == Spotted(Party.AGENT, "你有没搞错", start, end, end, 0.0, -0.2)
    assert ear.take() == []


def test_the_end_of_the_turn_brings_out_the_rest() -> None:
    ear, tokens = _ear(), _tokens(SAID[:5])
    ear.hear(_rows(SAID[:5]))
    ear.commit(tokens[:3], tokens[2].end_ms)
    ear.end(tokens[3:], 9_000)
    (found,) = ear.take()
    assert (found.end_ms, found.at_ms) == (tokens[4].end_ms, 9_000)


def test_what_no_token_lies_under_was_not_said() -> None:
    ear = _ear()
    ear.hear(_rows(SAID))
    ear.end([], 9_000)
    assert ear.take() == []


def test_stretches_do_not_mix() -> None:
    ear = _ear()
    ear.hear(_rows(SAID[:3]))
    ear.end(_tokens(SAID[:3]), 1_000)
    ear.begin(2_000, FRAME_MS)
    ear.hear(_rows(SAID[3:]))
    ear.end(_tokens(SAID[3:], 2_000), 4_000)
    assert ear.take() == []


def test_other_phrases_are_heard_from_the_next_frame_on() -> None:
    ear, tokens = _ear(_spotter("错错错错")), _tokens((*SAID, *SAID))
    ear.hear(_rows(SAID))
    ear.commit(tokens[:6], tokens[5].end_ms)
    ear.switch(_spotter())
    ear.hear(_rows(SAID))
    ear.end(tokens[6:], 9_000)
    (found,) = ear.take()
    assert (found.start_ms, found.end_ms) == (tokens[6].start_ms, tokens[10].end_ms)


@pytest.fixture(scope="module")
def greeting() -> tuple[Spots, Samples]:
    """The package's recogniser, and the beginning of a bundled call."""
    try:
        recognizer = load()
    except UserError as error:
        pytest.skip(f"no embedded model: {error}")
    call = read_call(fixtures_dir() / "compliant.wav")
    samples = np.concatenate([c.samples for c in call if c.party is Party.AGENT])
    stream = recognizer.stream(Party.AGENT)
    assert isinstance(stream, Spots)
    stream.listen_for((Keyword("请问有什么可以帮您"), Keyword("你有没有搞错")))
    return stream, samples[: 4_400 * 16]


def _told(greeting: tuple[Spots, Samples], sizes: Sequence[int]) -> list[Spotted]:
    stream, samples = greeting
    told: list[Spotted] = []
    at = turn = 0
    while at < len(samples):
        size = sizes[turn % len(sizes)]
        stream.feed(Chunk(Party.AGENT, at // 16, samples[at : at + size]))  # type: ignore[attr-defined]
        told += stream.spotted()
        at, turn = at + size, turn + 1
    stream.end_turn()  # type: ignore[attr-defined]
    return told + stream.spotted()


def test_a_phrase_of_a_call_is_told_once(greeting: tuple[Spots, Samples]) -> None:
    (found,) = _told(greeting, [1_600])
    assert found.phrase == "请问有什么可以帮您"
    assert 0 >= found.score >= found.limit
    assert 1_000 < found.start_ms < found.end_ms <= found.at_ms <= 4_400


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(100, 40_000), min_size=1, max_size=4))
def test_cutting_changes_nothing(greeting: tuple[Spots, Samples], sizes: list[int]) -> None:
    assert _told(greeting, sizes) == _told(greeting, [512])
