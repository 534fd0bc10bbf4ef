"""When a finding becomes an alert, and which alert may interrupt."""

from __future__ import annotations

import pytest

from monitor.events import Alert

from .conftest import MakeBook, Outcome, alerts, run

SAID = [{"at": at, "agent": "你有没有搞错"} for at in (1, 4, 12, 30)]


def starts(outcome: Outcome) -> list[int]:
    return [alert.start_ms for alert in alerts(outcome)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{}", [1000, 4000, 12_000, 30_000]),
        ("{cooldown: 10s}", [1000, 12_000, 30_000]),
        ("{at_most: 2}", [1000, 4000]),
        ("{once: true}", [1000]),
        ("{cooldown: 10s, at_most: 2}", [1000, 12_000]),
    ],
)
def test_how_often(book: MakeBook, policy: str, expected: list[int]) -> None:
    rules = f"rules: [{{id: a, title: 甲, never: [你有没有搞错], policy: {policy}}}]"
    assert starts(run(book(rules), *SAID)) == expected


def test_the_packs_policy_holds_unless_the_rule_has_its_own(book: MakeBook) -> None:
    made = book(
        "policy: {once: true}\nrules:\n"
        "  - {id: a, title: 甲, never: [你有没有搞错]}\n"
        "  - {id: b, title: 乙, never: [你有没有搞错], policy: {once: false}}\n"
    )
    outcome = run(made, *SAID)
    assert (len(alerts(outcome, "a")), len(alerts(outcome, "b"))) == (1, 4)


def test_ids_count_the_alerts_of_a_rule(book: MakeBook) -> None:
    made = book("rules: [{id: a, title: 甲, never: [你有没有搞错]}]")
    assert [alert.id for alert in alerts(run(made, *SAID))] == ["a#1", "a#2", "a#3", "a#4"]


def test_one_interrupting_alert_at_a_time(book: MakeBook) -> None:
    made = book(
        "policy: {gap: 5s}\nrules:\n"
        "  - {id: minor, title: 小, severity: 一般, never: [你说吧]}\n"
        "  - {id: fatal, title: 大, severity: 致命, never: [你有没有搞错]}\n"
    )
    turns = [{"at": 1, "agent": "你说吧"}, {"at": 3, "agent": "你说吧"},
             {"at": 4.5, "agent": "你有没有搞错"}, {"at": 20, "agent": "你说吧"}]  # fmt: skip
    found = [(alert.rule, alert.interrupts) for alert in alerts(run(made, *turns))]
    assert found == [("minor", True), ("minor", False), ("fatal", True), ("minor", True)]


def test_what_was_not_said_gives_way_to_what_was(book: MakeBook) -> None:
    made = book(
        "rules:\n"
        "  - {id: rude, title: 禁语, severity: 严重, never: [你有没有搞错]}\n"
        "  - {id: open, title: 问候, severity: 严重, must: [您好], within: 4s}\n"
    )
    found = {
        a.rule: a.interrupts for a in alerts(run(made, {"at": 1, "agent": "你有没有搞错"}, end=20))
    }
    assert found == {"rude": True, "open": False}


@pytest.mark.parametrize(
    ("since", "interrupts"), [("2020-01-01", False), ("2026-02-20", True), (None, True)]
)
def test_tenured_agents_are_not_interrupted(
    book: MakeBook, since: str | None, interrupts: bool
) -> None:
    made = book("rules: [{id: a, title: 甲, never: [你说吧], policy: {quiet_after: 1y}}]")
    facts = {"started_at": "2026-03-02T10:00:00+08:00"} | ({"agent_since": since} if since else {})
    (alert,) = alerts(run(made, {"agent": "你说吧"}, call=facts))
    assert alert.interrupts is interrupts


def test_interrupt_false_and_priority(book: MakeBook) -> None:
    made = book(
        "rules:\n"
        "  - {id: silent, title: 静, never: [你说吧], policy: {interrupt: false}}\n"
        "  - {id: low, title: 低, severity: 致命, never: [你有没有搞错], policy: {priority: -1}}\n"
        "  - {id: high, title: 高, severity: 提示, never: [没办法], policy: {priority: 5}}\n"
    )
    turns = [{"at": 1, "agent": "你说吧"}, {"at": 2, "agent": "你有没有搞错"},
             {"at": 4, "agent": "没办法"}]  # fmt: skip
    found: list[Alert] = alerts(run(made, *turns))
    assert [(a.rule, a.interrupts) for a in found] == [
        ("silent", False),
        ("low", True),
        ("high", True),
    ]
