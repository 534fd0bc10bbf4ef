"""Phrases heard below the words, on their way through a call, a record and a replay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor import rules
from monitor.asr.ctc.recognizer import CtcRecognizer
from monitor.asr.protocol import Recognizer, RecognizerStream, Spots
from monitor.base.call_record import CallRecord, to_json, utterance_json, utterance_of
from monitor.call.engine import Engine
from monitor.call.flow import Call
from monitor.events import Alert, CallInfo, Chunk, Event, Party, Spotted, Token, Utterance
from monitor.language.phrases.keywords import Keyword
from monitor.rules.tools.replay import from_json, replay
from monitor.testing import fixtures

from .conftest import chunked, events_of, samples_of

A = Party.AGENT
BOTH = tuple(Party)

PACK = """
pack: below
title: 声音里的短语
version: "1"
rules:
  - id: told-off
    title: 不许说
    severity: 严重
    never: [你爱到哪儿告到哪儿告去]
    say_instead: 我帮您问一下
    examples: {alert: [你爱到哪儿告到哪儿告去], quiet: [好的]}
"""
EMPTY = PACK.replace("你爱到哪儿告到哪儿告去", "这句话谁也没有说过")


class Deaf:
    """A recogniser whose words are all wrong; what it spots is not."""

    def __init__(self, inner: Recognizer) -> None:
        self.name = inner.name
        self._inner = inner

    def stream(self, party: Party) -> DeafStream:
        return DeafStream(self._inner.stream(party))

    def close(self) -> None: ...


class DeafStream:
    def __init__(self, inner: RecognizerStream) -> None:
        assert isinstance(inner, Spots)
        self._inner: Any = inner

    @property
    def settled_ms(self) -> int:
        return int(self._inner.settled_ms)

    partial = ""

    def listen_for(self, phrases: tuple[Keyword, ...]) -> None:
        self._inner.listen_for(phrases)

    def spotted(self) -> list[Spotted]:
        return list(self._inner.spotted())

    def feed(self, chunk: Chunk) -> list[Token]:
        return self._garbled(self._inner.feed(chunk))

    def end_turn(self) -> list[Token]:
        return self._garbled(self._inner.end_turn())

    def _garbled(self, tokens: Sequence[Token]) -> list[Token]:
        return [replace(t, text="嘟", syllable="du", alternatives=()) for t in tokens]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> rules.Rulebook:
    path = tmp_path_factory.mktemp("pack") / "below.yaml"
    path.write_text(PACK, "utf-8")
    return rules.load([path])


@pytest.fixture(scope="module")
def deaf(embedded: Engine, book: rules.Rulebook) -> Engine:
    recognizer: Any = Deaf(embedded.recognizer)
    return Engine(recognizer, book, embedded.vad)


def _chunks(name: str, sizes: Sequence[int] = (1600,)) -> list[Chunk]:
    return chunked(samples_of(fixtures.load(name).audio), sizes)


def _alerts(events: Sequence[Event]) -> list[Alert]:
    return [event for event in events if isinstance(event, Alert)]


def test_what_was_said_is_found_though_every_word_is_wrong(deaf: Engine) -> None:
    (line,) = [line for line in fixtures.load("last-word").lines if "哪儿告" in line.text]
    events = events_of(deaf, _chunks("last-word"), BOTH)
    (alert,) = _alerts(events)
    assert alert.rule == "told-off"
    assert set(alert.quote) == {"嘟"}
    assert line.start_ms - 300 <= alert.start_ms < alert.end_ms <= line.end_ms + 300
    spotted = alert.evidence["spotted"]
    assert isinstance(spotted, dict)
    assert isinstance(spotted["score"], float)
    assert isinstance(spotted["limit"], float)
    assert spotted["limit"] <= spotted["score"] <= 0
    assert alert.evidence["phrase"] == "你爱到哪儿告到哪儿告去"


def test_a_rule_alerts_once_whichever_found_it(embedded: Engine, book: rules.Rulebook) -> None:
    events = events_of(replace(embedded, rulebook=book), _chunks("last-word"), BOTH)
    assert any(isinstance(event, Spotted) for event in events)
    (alert,) = _alerts(events)
    assert "spotted" not in alert.evidence, "the words tell it better"


@pytest.mark.parametrize("sizes", [[512], [100_000], [1_600, 7, 333]], ids=str)
def test_chunk_size_changes_nothing(deaf: Engine, sizes: list[int]) -> None:
    assert events_of(deaf, _chunks("last-word", sizes), BOTH) == events_of(
        deaf, _chunks("last-word"), BOTH
    )


def test_finds_are_told_among_the_tokens_that_were_known(embedded: Engine) -> None:
    events = events_of(embedded, _chunks("forbidden-phrases"), BOTH)
    for party in Party:
        heard = [e for e in events if isinstance(e, Token | Spotted) and e.party is party]
        for at, event in enumerate(heard):
            if isinstance(event, Spotted):
                before = [e for e in heard[:at] if isinstance(e, Token)]
                after = [e for e in heard[at:] if isinstance(e, Token)]
                assert all(token.end_ms <= event.at_ms for token in before)
                assert all(token.start_ms >= event.at_ms for token in after)
                assert event.start_ms in {token.start_ms for token in before}
                assert event.end_ms in {token.end_ms for token in before}
    turns = [event for event in events if isinstance(event, Utterance)]
    told = [event for event in events if isinstance(event, Spotted)]
    assert told
    assert sorted(map(repr, told)) == sorted(repr(f) for turn in turns for f in turn.spotted)


def test_a_stored_call_replays_to_the_same_alerts(deaf: Engine, book: rules.Rulebook) -> None:
    events = events_of(deaf, _chunks("last-word"), BOTH)
    record = CallRecord()
    record(events)
    stored = json.loads(json.dumps(to_json(record)))
    assert [e for e in replay(book, from_json(stored)) if isinstance(e, Alert)] == _alerts(events)
    for utterance in record.utterances:
        assert utterance_of(utterance_json(utterance)) == utterance


def test_new_rules_are_spotted_from_the_moment_they_come(deaf: Engine, tmp_path: Path) -> None:
    """The phrase is said from 8.1 s on."""
    path = tmp_path / "empty.yaml"
    path.write_text(EMPTY, "utf-8")
    empty = rules.load([path])

    def alerts(reload_ms: int, then: rules.Rulebook, first: rules.Rulebook) -> list[Alert]:
        call = Call(CallInfo("x", "x", BOTH), deaf.recognizer, first, deaf.vad)
        events = call.start()
        done = False
        for chunk in _chunks("last-word"):
            if chunk.start_ms >= reload_ms and not done:
                call.reload(then)
                done = True
            events += call.feed(chunk)
        return _alerts(events + call.finish())

    assert len(alerts(5_000, deaf.rulebook, empty)) == 1
    assert len(alerts(8_000, deaf.rulebook, empty)) == 1
    assert alerts(5_000, empty, deaf.rulebook) == []


def test_calls_share_the_compiled_phrases(embedded: Engine) -> None:
    recognizer = embedded.recognizer
    assert isinstance(recognizer, CtcRecognizer)
    sought = embedded.rulebook.sought[A]
    assert recognizer.spotter(sought) is recognizer.spotter(tuple(sought))


def _noise(random: np.random.Generator, count: int) -> np.ndarray:
    return random.normal(0, 0.05, count)


def _music(random: np.random.Generator, count: int) -> np.ndarray:
    """Chords with overtones, half a second each, as one hears on hold."""
    seconds = np.arange(count) / 16_000
    sound = np.zeros(count)
    for half, part in enumerate(np.array_split(np.arange(count), max(1, count // 8_000))):
        root = 220.0 * 2 ** (random.integers(0, 12) / 12)
        for tone, interval in enumerate((1.0, 1.25, 1.5, 2.0)):
            for overtone in range(1, 5):
                pitch = 2 * np.pi * root * interval * overtone * seconds[part]
                sound[part] += np.sin(pitch + half + tone) / overtone**2
    return 0.08 * sound


@pytest.mark.parametrize("make", [_noise, _music, lambda _, count: np.zeros(count)])
def test_neither_silence_nor_noise_nor_music_says_anything(embedded: Engine, make: Any) -> None:
    """Straight into the recogniser: no voice detector keeps it away."""
    stream = embedded.recognizer.stream(A)
    assert isinstance(stream, Spots)
    stream.listen_for(embedded.rulebook.sought[A])
    sound = make(np.random.default_rng(5), 20 * 16_000).astype(np.float32)
    stream.feed(Chunk(A, 0, sound))
    stream.end_turn()
    assert stream.spotted() == []
