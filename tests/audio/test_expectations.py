"""What the bundled calls expect is what the rules find when every word is understood.

Real sound, real voice activity, real rules; only the recogniser is told what is said.
"""

from __future__ import annotations

import pytest

from monitor import engine, rules
from monitor.asr.scripted import ScriptedRecognizer
from monitor.audio import file
from monitor.engine import Engine
from monitor.events import Alert, ScriptState, ScriptStatus
from monitor.rules import Rulebook
from monitor.testing import fixtures
from monitor.testing.fixtures import Fixture
from monitor.vad import SileroVad


@pytest.fixture(scope="module")
def vad() -> SileroVad:
    return SileroVad()


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return rules.load(["unicom-10010"])


@pytest.fixture(params=fixtures.load_all(), ids=fixtures.names())
def fixture(request: pytest.FixtureRequest) -> Fixture:
    return request.param  # type: ignore[no-any-return]


def test_alerts_and_scripts(fixture: Fixture, vad: SileroVad, rulebook: Rulebook) -> None:
    told = Engine(ScriptedRecognizer(fixture.tokens()), rulebook, vad)
    parties = file.parties(fixture.audio)
    record = engine.run(told.call(fixture.name, parties), file.read_call(fixture.audio))

    alerts = [alert for alert in record.alerts if alert.rule.startswith("unicom-forbidden")]
    assert [rule for rule, _ in map(_named, alerts)] == [a.rule for a in fixture.alerts]
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


def _named(alert: Alert) -> tuple[str, str]:
    return alert.rule, alert.quote
