"""Ordinary calls, in which nobody did anything wrong: a ceiling on false alerts.

Only the half of the calls that no threshold was chosen with is counted.
"""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.meaning import ordinary
from monitor.events import Severity
from monitor.rules.tools.dialogues import Outcome, Runner

CEILINGS = YAML(typ="safe").load(Path(__file__).with_name("ordinary.yaml").read_text("utf-8"))
EVERY = 4
"""One call in so many: enough to notice, and quick enough for every commit."""


@lru_cache(maxsize=1)
def outcomes() -> tuple[Outcome, ...]:
    runner = Runner()
    calls = [(file, dialogue) for file in ordinary() for dialogue in file.dialogues]
    return tuple(runner.judge(*call) for call in calls[::EVERY])


def agent_hours() -> float:
    return sum(outcome.agent_ms for outcome in outcomes()) / 3_600_000


def test_there_are_enough_calls_of_enough_trades() -> None:
    assert len(outcomes()) >= 20
    assert len({outcome.id.rpartition("-")[0] for outcome in outcomes()}) >= 8


def test_false_alerts_stay_below_the_ceiling() -> None:
    false = sum(len(outcome.false) for outcome in outcomes())
    assert false / agent_hours() <= CEILINGS["false_alerts"]


def test_meaning_stays_below_its_ceilings() -> None:
    found = [a for o in outcomes() for a in o.alerts if a.rule.startswith("meaning-")]
    sure = sum(alert.severity is not Severity.TIP for alert in found)
    assert sure / agent_hours() <= CEILINGS["sure_by_meaning"]
    assert (len(found) - sure) / agent_hours() <= CEILINGS["likely_by_meaning"]


def test_nothing_is_fatal() -> None:
    assert [a for o in outcomes() for a in o.alerts if a.severity is Severity.FATAL] == []


def test_the_compiler_knows_no_call_that_is_reported_on() -> None:
    script = Path(__file__).parents[2] / "scripts" / "ordinary_sentences.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False, capture_output=True)
    assert done.returncode == 0, done.stdout.decode()
