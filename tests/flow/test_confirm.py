"""The second pass: what raised an alert is heard again, and confirmed or retracted."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from monitor import rules
from monitor.asr.scripted import ScriptedRecognizer, ScriptedStream
from monitor.audio.vad import SileroVad
from monitor.base.call_record import CallRecord
from monitor.call import live, second_pass
from monitor.call.engine import Engine
from monitor.call.flow import Call
from monitor.call.live_second_pass import ConfirmedCall
from monitor.call.second_pass import SecondListener
from monitor.events import (
    Alert,
    AlertState,
    CallEnd,
    CallInfo,
    Chunk,
    Event,
    Party,
    Samples,
    Token,
)
from monitor.language.pinyin import syllables
from monitor.rules import Rulebook
from monitor.rules.engine.session import RuleSession

FORBIDDEN = "你问我我问谁"
RULE = "unicom-forbidden-01"
MS = 16  # samples


def _say(text: str, at_ms: int, party: Party = Party.AGENT) -> list[Token]:
    return [
        Token(party, char, syllable, at_ms + 200 * n, at_ms + 200 * n + 190)
        for n, (char, syllable) in enumerate(zip(text, syllables(text), strict=True))
    ]


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return rules.load(["unicom-10010"])


@pytest.fixture(scope="module")
def speech() -> Samples:
    """Speech enough for the voice activity model: a bundled call's agent, 60 s of it."""
    from monitor.audio.file import read_call
    from monitor.base.package_files import fixtures_dir

    call = read_call(fixtures_dir() / "demo.flac")
    agent = [chunk.samples for chunk in call if chunk.party is Party.AGENT]
    return np.concatenate(agent)


def _call(rulebook: Rulebook, heard: Iterable[Token]) -> Call:
    return Engine(ScriptedRecognizer(heard), rulebook, SileroVad()).call("t", [Party.AGENT])


def _chunks(samples: Samples) -> list[Chunk]:
    return [
        Chunk(Party.AGENT, at // MS, samples[at : at + 1_600])
        for at in range(0, len(samples), 1_600)
    ]


def _alerts(events: Iterable[Event]) -> list[Alert]:
    return [e for e in events if isinstance(e, Alert) and e.rule == RULE]


def _raised(rulebook: Rulebook, tokens: Sequence[Token]) -> Alert:
    session = RuleSession(rulebook, CallInfo("t", "t", (Party.AGENT,)))
    session.start()
    found = [e for token in tokens for e in session.feed(token)]
    found += session.finish(CallEnd(tokens[-1].end_ms + 2_000))
    return _alerts(found)[0]


@pytest.mark.parametrize(
    ("again", "state"),
    [
        (FORBIDDEN, AlertState.CONFIRMED),
        ("您问我我问谁啊", AlertState.CONFIRMED),  # near enough, as for the first
        ("你稳不稳我稳稳", AlertState.RETRACTED),
        ("请您稍等一下", AlertState.RETRACTED),
        ("", AlertState.RETRACTED),
    ],
)
def test_the_second_opinion_decides(rulebook: Rulebook, again: str, state: AlertState) -> None:
    alert = _raised(rulebook, _say(FORBIDDEN, 5_000))
    second = SecondListener(ScriptedRecognizer(()), rulebook)
    assert second.concerns(alert)
    verdict = second.judge(alert, _say(again, 5_100))
    assert verdict.state is state
    assert (verdict.id, verdict.rule, verdict.quote) == (alert.id, alert.rule, alert.quote)
    heard = verdict.evidence["second"]
    assert isinstance(heard, dict)
    assert heard["recogniser"] == "scripted"
    assert str(heard["quote"]) in again
    assert bool(heard["quote"]) == bool(again)
    assert verdict.evidence["phrase"] == alert.evidence["phrase"]
    assert not second.concerns(verdict)


def test_the_same_words_elsewhere_confirm_nothing(rulebook: Rulebook) -> None:
    alert = _raised(rulebook, _say(FORBIDDEN, 20_000))
    second = SecondListener(ScriptedRecognizer(()), rulebook)
    assert second.judge(alert, _say(FORBIDDEN, 11_000)).state is AlertState.RETRACTED


def test_alerts_without_words_are_left_alone(rulebook: Rulebook) -> None:
    session = RuleSession(rulebook, CallInfo("t", "t", (Party.AGENT,)))
    found = session.start() + session.finish(CallEnd(60_000))
    missing = [e for e in found if isinstance(e, Alert)]
    second = SecondListener(ScriptedRecognizer(()), rulebook)
    assert all(not second.concerns(alert) for alert in missing)


class Hearing(ScriptedRecognizer):
    """Remembers what audio it was given."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        super().__init__(tokens)
        self.given: list[Chunk] = []

    def stream(self, party: Party) -> ScriptedStream:
        given, stream = self.given, super().stream(party)

        class Noting:
            settled_ms, partial = 0, ""

            def feed(self, chunk: Chunk) -> list[Token]:
                given.append(chunk)
                return stream.feed(chunk)

            def end_turn(self) -> list[Token]:
                return stream.end_turn()

        return Noting()  # type: ignore[return-value]


def test_live_the_verdict_comes_before_the_end(rulebook: Rulebook, speech: Samples) -> None:
    heard = _say(FORBIDDEN, 19_400)  # where the agent of the demo call says it
    second = Hearing(heard)
    call = ConfirmedCall(_call(rulebook, heard), [Party.AGENT], SecondListener(second, rulebook))
    events: list[Event] = []
    live.play(call, _chunks(speech), [lambda new, _now: events.extend(new)])
    raised, verdict = _alerts(events)
    assert (raised.state, verdict.state) == (AlertState.RAISED, AlertState.CONFIRMED)
    assert raised.id == verdict.id
    assert isinstance(events[-1], CallEnd)
    (again,) = second.given
    # Exactly the audio of the call, from before the first word to after the last.
    first = again.start_ms * MS
    assert np.array_equal(again.samples, speech[first : first + len(again.samples)])
    assert again.start_ms <= 19_250
    assert again.start_ms + len(again.samples) // MS >= 21_321
    assert len(again.samples) <= (second_pass.BEFORE_MS + second_pass.AFTER_MS + 2_000) * MS


def test_live_the_call_does_not_wait_for_the_second(rulebook: Rulebook, speech: Samples) -> None:
    """While the second listener is stuck the first goes on to the end."""
    stuck = threading.Event()

    class Stuck(SecondListener):
        def listen(self, doubt: second_pass.Doubt) -> Alert:
            stuck.wait(60)
            return super().listen(doubt)

    heard = _say(FORBIDDEN, 19_400)
    second = Stuck(ScriptedRecognizer(heard), rulebook)
    call = ConfirmedCall(_call(rulebook, heard), [Party.AGENT], second, patience_s=0.2)
    events: list[Event] = []
    live.play(call, _chunks(speech), [lambda new, _now: events.extend(new)])
    # It was too slow: the alert stays as it was raised, and the call is over all the same.
    assert [alert.state for alert in _alerts(events)] == [AlertState.RAISED]
    assert isinstance(events[-1], CallEnd)
    stuck.set()


def test_a_turn_that_goes_on_is_not_waited_for(rulebook: Rulebook) -> None:
    from monitor.events import Speech

    alert = _raised(rulebook, _say(FORBIDDEN, 5_000))
    recheck = second_pass.Recheck([Party.AGENT], SecondListener(ScriptedRecognizer(()), rulebook))
    recheck.take([Speech(Party.AGENT, 1_000), alert])
    ready: list[second_pass.Doubt] = []
    second = 0
    while not ready:
        recheck.hear(Chunk(Party.AGENT, second * 1_000, np.full(16_000, second, np.float32)))
        second += 1
        ready = recheck.take([])
    assert second * 1_000 <= alert.end_ms + second_pass.AFTER_MS + 1_000
    assert ready[0].start_ms == 680  # the turn's beginning and what comes before an onset
    assert recheck.take([]) == []


def test_the_memory_of_a_long_call_is_bounded(rulebook: Rulebook) -> None:
    recheck = second_pass.Recheck([Party.AGENT], SecondListener(ScriptedRecognizer(()), rulebook))
    for at in range(600):
        recheck.hear(Chunk(Party.AGENT, at * 1_000, np.zeros(16_000, np.float32)))
    kept = sum(len(part) for _, part in recheck._audio[Party.AGENT]._parts)
    assert kept <= 60 * 16_000


def test_batch_keeps_both_transcripts_and_scores_what_stands(
    rulebook: Rulebook, speech: Samples
) -> None:
    from monitor.base import call_record
    from monitor.call import engine
    from monitor.rules.scorecard import scorecard

    vad = SileroVad()
    first = Engine(ScriptedRecognizer(_say(FORBIDDEN, 19_400)), rulebook, vad)
    again = ScriptedRecognizer(_say("请您稍等一下", 19_400))
    second = engine.Second(SecondListener(again, rulebook), Engine(again, rules.load(()), vad))
    record = engine.run(first.call("t", [Party.AGENT]), _chunks(speech))
    before = scorecard(rulebook, record.alerts, record.scripts)
    engine.hear_again(record, second, second.engine.call("t", [Party.AGENT]), _chunks(speech))
    after = scorecard(rulebook, record.alerts, record.scripts)
    (alert,) = _alerts(record.alerts)
    assert alert.state is AlertState.RETRACTED
    assert after.total > before.total
    data = call_record.to_json(record)
    assert FORBIDDEN in "".join(u["text"] for u in data["utterances"])
    assert data["review"]["recogniser"] == "scripted"
    assert "".join(u["text"] for u in data["review"]["utterances"]) == "请您稍等一下"


def test_without_a_second_pass_there_is_no_review(rulebook: Rulebook) -> None:
    from monitor.base import call_record

    record = CallRecord()
    record([CallInfo("t", "t", (Party.AGENT,)), CallEnd(1_000)])
    assert call_record.to_json(record)["review"] is None
