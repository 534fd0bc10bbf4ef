"""What the bundled calls expect is what the rules find when every word is understood.

Real sound, real voice activity, real rules; only the recogniser is told what is said.
"""

from __future__ import annotations

import pytest

from monitor import rules
from monitor.asr.scripted import ScriptedRecognizer
from monitor.audio import file
from monitor.audio.vad import SileroVad
from monitor.base.call_record import CallRecord
from monitor.call import engine
from monitor.call.engine import Engine
from monitor.events import Party, ScriptState, ScriptStatus
from monitor.rules import Rulebook
from monitor.testing import fixtures
from monitor.testing.fixtures import Fixture


@pytest.fixture(scope="module")
def vad() -> SileroVad:
    return SileroVad()


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return rules.load(["unicom-10010"])


@pytest.fixture(params=fixtures.load_all(), ids=fixtures.names())
def fixture(request: pytest.FixtureRequest) -> Fixture:
    return request.param  # type: ignore[no-any-return]


def judged(fixture: Fixture, vad: SileroVad, rulebook: Rulebook) -> CallRecord:
    told = Engine(ScriptedRecognizer(fixture.tokens()), rulebook, vad)
    parties = file.parties(fixture.audio)
    return engine.run(told.call(fixture.name, parties), file.read_call(fixture.audio))


def test_alerts_and_scripts(fixture: Fixture, vad: SileroVad, rulebook: Rulebook) -> None:
    record = judged(fixture, vad, rulebook)
    alerts = [alert for alert in record.alerts if alert.rule.startswith("unicom-forbidden")]
    assert [alert.rule for alert in alerts] == [alert.rule for alert in fixture.alerts]
    for alert, expected in zip(alerts, fixture.alerts, strict=True):
        assert alert.party is expected.party
        assert alert.start_ms < expected.end_ms
        assert alert.end_ms > expected.start_ms
    assert not {alert.rule for alert in record.alerts} & set(fixture.quiet)

    last: dict[str, ScriptState] = {state.rule: state for state in record.scripts}
    assert {s.rule: last[s.rule].status for s in fixture.scripts} == {
        s.rule: s.status for s in fixture.scripts
    }
    assert ScriptStatus.PENDING not in {state.status for state in last.values()}


def test_the_long_silence_is_the_agents(vad: SileroVad, rulebook: Rulebook) -> None:
    """The customer asked and waited while the agent looked it up."""
    fixture = fixtures.load("long-silence")
    record = judged(fixture, vad, rulebook)
    silences = [r for r in record.readings if r.name == "silence" and r.final]
    asked, answered = fixture.lines[1], fixture.lines[2]
    (silence,) = silences
    assert silence.party is Party.AGENT
    assert silence.start_ms == pytest.approx(asked.end_ms, abs=250)
    assert silence.end_ms == pytest.approx(answered.start_ms, abs=250)


def test_the_interruption_is_the_agents(vad: SileroVad, rulebook: Rulebook) -> None:
    fixture = fixtures.load("overlap")
    record = judged(fixture, vad, rulebook)
    (interruption,) = (r for r in record.readings if r.name == "interruption")
    talking, cutting_in = fixture.lines[1], fixture.lines[2]
    assert interruption.party is Party.AGENT
    assert interruption.value == pytest.approx(cutting_in.start_ms - talking.start_ms, abs=250)
    overlaps = [r for r in record.readings if r.name == "overlap"]
    assert overlaps[0].start_ms == pytest.approx(cutting_in.start_ms, abs=250)
    assert overlaps[0].end_ms == pytest.approx(talking.end_ms, abs=250)


def test_the_pace_is_the_voices(vad: SileroVad, rulebook: Rulebook) -> None:
    """Characters over the time the line took, whatever the rules and the recogniser do."""
    fixture = fixtures.load("compliant")
    record = judged(fixture, vad, rulebook)
    rates = {r.start_ms: r.value for r in record.readings if r.name == "speech_rate"}
    first = fixture.lines[0]
    count = sum(1 for token in fixture.tokens() if token.end_ms <= first.end_ms)
    truth = count * 60_000 / (first.end_ms - first.start_ms)
    assert rates[first.start_ms] == pytest.approx(truth, rel=0.05)
