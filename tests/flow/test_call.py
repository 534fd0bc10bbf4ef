"""Laws of the flow, with scripted words over the bundled calls' real sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from monitor import rules
from monitor.asr.scripted import ScriptedRecognizer
from monitor.audio.vad import SileroVad
from monitor.base.call_record import CallRecord
from monitor.base.errors import UserError
from monitor.call import engine
from monitor.call.engine import Engine
from monitor.call.flow import Call
from monitor.events import (
    Alert,
    CallEnd,
    CallInfo,
    Chunk,
    Event,
    Gap,
    Party,
    ScriptState,
    ScriptStatus,
    Speech,
    Token,
    Utterance,
    from_json,
    to_json,
)
from monitor.testing import fixtures

from .conftest import chunked, events_of, samples_of

A, C = Party.AGENT, Party.CUSTOMER

PACK = """
pack: flow
title: 流程测试
version: "1"
rules:
  - id: never
    title: 不许说
    severity: 严重
    never: [你问我我问谁啊]
    say_instead: 我帮您问一下
    examples: {alert: [你问我我问谁啊], quiet: [好的]}
  - id: greeting
    title: 十秒内问候
    must: [您好]
    within: 10s
    examples: {alert: [喂], quiet: [您好]}
  - id: closing
    title: 结束语
    must: [感谢您的来电]
    until: call.end
    within: 15s
    examples: {alert: [再见], quiet: [感谢您的来电]}
"""


@pytest.fixture(scope="module")
def rulebook(tmp_path_factory: pytest.TempPathFactory) -> rules.Rulebook:
    path = tmp_path_factory.mktemp("pack") / "flow.yaml"
    path.write_text(PACK, "utf-8")
    return rules.load([path])


def say(party: Party, text: str, start_ms: int, each_ms: int = 180) -> list[Token]:
    return [
        Token(party, char, syllable, start_ms + i * each_ms, start_ms + (i + 1) * each_ms)
        for i, (char, syllable) in enumerate(zip(text, lazy_pinyin(text), strict=True))
    ]


def scripted(vad: SileroVad, rulebook: rules.Rulebook, name: str) -> Engine:
    """The bundled call's own words at their own times, spread evenly over each line."""
    tokens: list[Token] = []
    for line in fixtures.load(name).lines:
        text = "".join(char for char in line.text if "\u4e00" <= char <= "\u9fff")
        if text:
            each = (line.end_ms - line.start_ms) // len(text)
            tokens += say(line.party, text, line.start_ms, each)
    return Engine(ScriptedRecognizer(tokens), rulebook, vad)


def findings(events: list[Event]) -> list[tuple[str, str]]:
    record = CallRecord()
    record(events)
    return [("alert", a.rule) for a in record.alerts] + [
        (s.status.value, s.rule) for s in record.scripts
    ]


def test_a_forbidden_phrase_is_alerted_while_the_call_goes_on(
    vad: SileroVad, rulebook: rules.Rulebook
) -> None:
    loaded = scripted(vad, rulebook, "demo")
    events = events_of(loaded, chunked(samples_of(fixtures.load("demo").audio), [1600]), (A, C))
    alert = next(e for e in events if isinstance(e, Alert))
    assert (alert.rule, alert.party, alert.quote) == ("never", A, "你问我我问谁啊")
    assert alert.advice == "我帮您问一下"
    raised = events.index(alert)
    assert any(isinstance(e, Utterance) for e in events[raised:]), "raised before the turn ended"
    assert isinstance(events[-1], CallEnd)
    assert isinstance(events[0], CallInfo)
    assert set(findings(events)) == {("alert", "never"), ("met", "greeting"), ("met", "closing")}


@pytest.mark.parametrize("sizes", [[160], [1], [1600, 7, 333], [10**9]], ids=str)
def test_chunk_size_never_changes_the_events(
    vad: SileroVad, rulebook: rules.Rulebook, sizes: list[int]
) -> None:
    # Single samples cost a Python call each: five seconds of them are enough.
    length = 5 * 16_000 if sizes == [1] else None
    audio = {p: s[:length] for p, s in samples_of(fixtures.load("demo").audio).items()}
    loaded = scripted(vad, rulebook, "demo")
    assert events_of(loaded, chunked(audio, sizes), (A, C)) == events_of(
        loaded, chunked(audio, [512]), (A, C)
    )


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=6))
def test_any_chunking_gives_the_same_events(
    vad: SileroVad, rulebook: rules.Rulebook, sizes: list[int]
) -> None:
    loaded = scripted(vad, rulebook, "last-word")
    audio = samples_of(fixtures.load("last-word").audio)
    parties = tuple(audio)
    assert events_of(loaded, chunked(audio, sizes), parties) == events_of(
        loaded, chunked(audio, [512]), parties
    )


def test_the_order_in_which_parties_arrive_changes_nothing(
    vad: SileroVad, rulebook: rules.Rulebook
) -> None:
    loaded = scripted(vad, rulebook, "demo")
    audio = samples_of(fixtures.load("demo").audio)
    late_customer = sorted(
        chunked(audio, [1600]), key=lambda c: c.start_ms + (2000 if c.party is C else 0)
    )
    assert events_of(loaded, late_customer, (A, C)) == events_of(
        loaded, chunked(audio, [1600]), (A, C)
    )


def test_every_event_of_a_call_round_trips(vad: SileroVad, rulebook: rules.Rulebook) -> None:
    loaded = scripted(vad, rulebook, "demo")
    events = events_of(loaded, chunked(samples_of(fixtures.load("demo").audio), [4800]), (A, C))
    assert [from_json(to_json(event)) for event in events] == events


def test_a_phrase_that_ends_with_the_last_sample_still_hits(
    vad: SileroVad, rulebook: rules.Rulebook
) -> None:
    fixture = fixtures.load("demo")
    line = next(line for line in fixture.lines if "问谁" in line.text)
    audio = {p: s[: line.end_ms * 16] for p, s in samples_of(fixture.audio).items()}
    loaded = scripted(vad, rulebook, "demo")
    assert ("alert", "never") in findings(events_of(loaded, chunked(audio, [1600]), (A, C)))


def test_a_late_chunk_leaves_a_gap_and_the_call_goes_on(
    vad: SileroVad, rulebook: rules.Rulebook
) -> None:
    loaded = scripted(vad, rulebook, "demo")
    audio = samples_of(fixtures.load("demo").audio)
    lost = [c for c in chunked(audio, [1600]) if not (c.party is C and 5000 <= c.start_ms < 7000)]
    events = events_of(loaded, lost, (A, C))
    gaps = [e for e in events if isinstance(e, Gap)]
    assert [(g.party, g.start_ms, g.end_ms) for g in gaps] == [(C, 5000, 7000)]
    assert ("alert", "never") in findings(events)


def test_audio_that_comes_after_it_was_skipped_is_dropped(
    vad: SileroVad, rulebook: rules.Rulebook
) -> None:
    call = Engine(ScriptedRecognizer([]), rulebook, vad).call("x", [A])
    call.start()
    assert any(isinstance(e, Gap) for e in call.skip(A, 1000, "late"))
    call.feed(Chunk(A, 500, np.zeros(8000 + 1600, np.float32)))
    end = call.finish()[-1]
    assert isinstance(end, CallEnd)
    assert end.duration_ms == 1100


def test_silence_says_nothing_and_an_empty_call_ends_at_zero(
    vad: SileroVad, rulebook: rules.Rulebook
) -> None:
    silence = [Chunk(A, 0, np.zeros(16_000 * 30, np.float32))]
    events = events_of(Engine(ScriptedRecognizer([]), rulebook, vad), silence, [A])
    assert not [e for e in events if isinstance(e, Speech | Token | Gap)]
    states = {e.rule: e.status for e in events if isinstance(e, ScriptState)}
    assert states == {"greeting": ScriptStatus.MISSED, "closing": ScriptStatus.MISSED}
    empty = events_of(Engine(ScriptedRecognizer([]), rulebook, vad), [], [A])
    assert isinstance(empty[-1], CallEnd)
    assert empty[-1].duration_ms == 0


def test_a_party_that_is_not_in_the_call_is_refused(
    vad: SileroVad, rulebook: rules.Rulebook
) -> None:
    call = Engine(ScriptedRecognizer([]), rulebook, vad).call("x", [A])
    with pytest.raises(UserError, match="customer"):
        call.feed(Chunk(C, 0, np.zeros(10, np.float32)))


def test_the_customer_saying_it_is_no_finding(vad: SileroVad, rulebook: rules.Rulebook) -> None:
    heard = [
        Token(C, t.text, t.syllable, t.start_ms, t.end_ms) for t in say(A, "你问我我问谁啊", 900)
    ]
    audio = {C: samples_of(fixtures.load("demo").audio)[A][: 16_000 * 6]}
    audio[A] = np.zeros(16_000 * 6, np.float32)
    events = events_of(
        Engine(ScriptedRecognizer(heard), rulebook, vad), chunked(audio, [1600]), (A, C)
    )
    assert [e for e in events if isinstance(e, Token)], "the words were heard"
    assert not [e for e in events if isinstance(e, Alert) and e.rule == "never"]


def test_rules_reload_in_the_middle_of_a_call(
    vad: SileroVad, rulebook: rules.Rulebook, tmp_path: Path
) -> None:
    relaxed = tmp_path / "flow.yaml"
    relaxed.write_text(PACK.replace("你问我我问谁啊", "一二三四五六七"), "utf-8")
    loaded = scripted(vad, rulebook, "demo")
    call: Call = loaded.call("x", (A, C))
    events = call.start()
    for chunk in chunked(samples_of(fixtures.load("demo").audio), [1600]):
        if chunk.start_ms == 10_000:
            call.reload(rules.load([relaxed]))
        events += call.feed(chunk)
    events += call.finish()
    assert set(findings(events)) == {("met", "greeting"), ("met", "closing")}


def test_running_a_recording_is_the_same_flow(vad: SileroVad, rulebook: rules.Rulebook) -> None:
    loaded = scripted(vad, rulebook, "demo")
    chunks = chunked(samples_of(fixtures.load("demo").audio), [1600])
    record = engine.run(loaded.call("test", (A, C)), chunks)
    again = CallRecord()
    again(events_of(loaded, chunks, (A, C)))
    assert record.alerts == again.alerts
    assert record.scripts == again.scripts
    assert record.utterances == again.utterances


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_a_gap_not_the_end(embedded: Engine, bad: float) -> None:
    call = embedded.call("driver", (A,))
    events = call.start()
    for number in range(20):
        samples = np.full(1600, 0.01, np.float32)
        if number == 5:
            samples[160:320] = bad
        events += call.feed(Chunk(A, number * 100, samples))
    events += call.finish()
    gaps = [event for event in events if isinstance(event, Gap)]
    assert [(gap.start_ms, gap.end_ms, gap.reason) for gap in gaps] == [
        (510, 520, "samples that are no numbers")
    ]
    assert events[-1] == CallEnd(2000)
