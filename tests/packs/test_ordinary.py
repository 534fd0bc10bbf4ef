"""Ordinary calls, in which nobody did anything wrong, stay quiet: a ceiling on false alerts.

Only the half of the calls that no threshold was chosen with is counted.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from benchmarks.meaning import ordinary
from monitor.events import Severity
from monitor.rules.tools.dialogues import Outcome, Runner

CEILINGS = YAML(typ="safe").load(Path(__file__).with_name("ordinary.yaml").read_text("utf-8"))


@lru_cache(maxsize=1)
def outcomes() -> tuple[Outcome, ...]:
    runner = Runner()
    return tuple(outcome for file in ordinary() for outcome in runner.run(file))


def agent_hours() -> float:
    return sum(outcome.agent_ms for outcome in outcomes()) / 3_600_000


def test_there_are_enough_calls() -> None:
    assert len(outcomes()) >= 90
    assert len({outcome.id.rpartition("-")[0] for outcome in outcomes()}) >= 10  # trades


@pytest.mark.parametrize("pack", sorted(CEILINGS["false_alerts_per_agent_hour"]))
def test_a_pack_alarms_no_more_often_than_before(pack: str) -> None:
    false = Counter(alert.pack for outcome in outcomes() for alert in outcome.false)
    rate = false[pack] / agent_hours()
    assert rate <= CEILINGS["false_alerts_per_agent_hour"][pack]


def test_every_pack_that_alarms_has_a_ceiling() -> None:
    loud = {alert.pack for outcome in outcomes() for alert in outcome.false}
    assert loud <= set(CEILINGS["false_alerts_per_agent_hour"])


def test_meaning_alarms_no_more_often_than_before() -> None:
    found = [a for o in outcomes() for a in o.alerts if a.rule.startswith("meaning-")]
    sure = sum(alert.severity is not Severity.TIP for alert in found)
    assert sure / agent_hours() <= CEILINGS["sure_by_meaning_per_agent_hour"]
    assert (len(found) - sure) / agent_hours() <= CEILINGS["likely_by_meaning_per_agent_hour"]


def test_nothing_is_fatal() -> None:
    fatal = [a for o in outcomes() for a in o.alerts if a.severity is Severity.FATAL]
    assert fatal == []
