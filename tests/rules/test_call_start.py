"""`avoid: call.start`: a call that should not have been made or taken at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import rules
from monitor.events import Alert, CallEnd, CallInfo, Party
from monitor.rules.engine.session import RuleSession

PACK = """
pack: begins
title: 不该打的电话
version: "1"
rules:
  - id: rest-hours
    title: 夜里不外呼
    when: {direction: outbound, time: "21:00-08:00"}
    avoid: call.start
    examples:
      alert: [{call: {direction: outbound, started_at: "2026-03-02T22:00:00+08:00"}, text: 您好}]
      quiet: [{call: {direction: outbound, started_at: "2026-03-02T10:00:00+08:00"}, text: 您好}]
"""


@pytest.mark.parametrize(
    ("direction", "started_at", "alerts"),
    [
        ("outbound", "2026-03-02T22:00:00+08:00", 1),
        ("outbound", "2026-03-02T10:00:00+08:00", 0),
        ("inbound", "2026-03-02T22:00:00+08:00", 0),
        ("outbound", None, 0),
    ],
)
def test_it_happens_once_where_the_rule_applies(
    tmp_path: Path, direction: str, started_at: str | None, alerts: int
) -> None:
    path = tmp_path / "begins.yaml"
    path.write_text(PACK, "utf-8")
    info = CallInfo("x", "x", (Party.AGENT,), started_at=started_at, direction=direction)  # type: ignore[arg-type] # a parameter of the test
    session = RuleSession(rules.load([path]), info)
    outcome = session.start()
    outcome += session.settle({Party.AGENT: 10_000})
    session.reload(rules.load([path]))  # the call has begun: it does not begin again
    outcome += session.settle({Party.AGENT: 12_000})
    outcome += session.finish(CallEnd(20_000))
    assert len([event for event in outcome if isinstance(event, Alert)]) == alerts
