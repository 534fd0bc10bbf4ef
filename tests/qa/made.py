"""Calls made up for the tests of figures, tables and pages: the same seed makes the same ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from monitor.store import schema
from monitor.store.schema import Call, User
from monitor.store.standing import settle

AGENTS = ("wang", "li", "A03", "A04", "A05", None)
QUEUES = ("宽带", "投诉", "套餐", None)
RULES = (
    ("unicom-forbidden-02", "禁用语2 不会用就别用", "贬低/嘲讽", "fatal"),
    ("unicom-forbidden-03", "禁用语3 你有没有搞错", "质问", "major"),
    ("etiquette-dead-air", "很长时间没有回应", "静音", "minor"),
    ("etiquette-recap", "结束前复述要点", "话术", "tip"),
)
SCRIPTS = (
    ("unicom-opening", "十秒内说首语“您好，请问有什么可以帮您吗”"),
    ("unicom-closing", "结束语“感谢您的来电，再见”"),
)
FIRST = datetime(2026, 10, 20, 1, tzinfo=UTC)
DAYS = 40


def fill(session: Session, count: int, seed: int = 1, *, reviewer: User | None = None) -> list[int]:
    """Add `count` calls between `FIRST` and `DAYS` days later; returns their numbers."""
    chance = random.Random(seed)  # a sequence that can be had again; nothing is secret here
    numbers = []
    for number in range(count):
        call = Call(**_call(chance, f"made-{seed}-{number}"))
        session.add(call)
        session.flush()
        numbers.append(call.id)
        _findings(session, chance, call)
        if call.status == "complete":
            _card(session, call, None, "machine", call.score or 0.0)
            if reviewer is not None and chance.random() < 0.3:
                _card(session, call, reviewer.id, "final", chance.choice([60.0, 80.0, 95.5]))
                settle(session, call)
    session.flush()
    return numbers


def _call(chance: random.Random, key: str) -> dict[str, Any]:
    score = round(100 * chance.betavariate(5, 1.5), 1)
    facts: dict[str, Any] = {}
    if chance.random() < 0.5:
        facts = {
            "wait_s": float(chance.randrange(5, 40)),
            "resolved": chance.random() < 0.8,
            "satisfaction": float(chance.randrange(1, 6)),
            "category": chance.choice(["资费", "故障", "投诉"]),
        }
    started = FIRST + timedelta(seconds=chance.randrange(DAYS * 24 * 3600))
    return {
        "key": key,
        "name": key,
        "status": chance.choices(["complete", "interrupted", "failed"], [20, 1, 1])[0],
        "started_at": started,
        "received_at": started,
        "duration_ms": chance.randrange(20_000, 900_000),
        "parties": ["agent", "customer"],
        "agent": chance.choice(AGENTS),
        "queue": chance.choice(QUEUES),
        "direction": chance.choice(["inbound", "inbound", "outbound", None]),
        "tier": chance.choice(["金卡", None]),
        "facts": facts,
        "score": score,
        "score_max": 100.0,
        "grade": "优秀" if score >= 95 else "良好" if score >= 85 else "合格",
        "gaps": int(chance.random() < 0.05),
        "head": {},
    }


def _findings(session: Session, chance: random.Random, call: Call) -> None:
    alerts: list[dict[str, Any]] = []
    for rule, title, family, severity in RULES:
        for _ in range(chance.choices([0, 1, 2], [16, 3, 1])[0]):
            state = chance.choices(["raised", "confirmed", "retracted"], [8, 1, 1])[0]
            alerts.append(alert_row(call.id, len(alerts), rule, title, family, severity, state))
    scripts = [
        script_row(
            call.id, at, rule, title, chance.choices(["met", "missed", "pending"], [8, 2, 1])[0]
        )
        for at, (rule, title) in enumerate(SCRIPTS)
    ]
    readings = [
        reading_row(call.id, "speech_rate", chance.uniform(100, 220), "characters/min"),
        reading_row(call.id, "silence", chance.uniform(1000, 9000), "ms"),
        reading_row(call.id, "talk_share", chance.uniform(0.3, 0.7), "ratio"),
    ]
    for table, rows in (
        (schema.Alert, alerts),
        (schema.Script, scripts),
        (schema.Reading, readings),
    ):
        if rows:
            session.execute(insert(table), rows)
    standing = [row for row in alerts if row["state"] != "retracted"]
    for level in ("tip", "minor", "major", "fatal"):
        count = sum(row["severity"] == level for row in standing)
        setattr(call, f"alerts_{level}", count)
    call.fatal_items = len({row["rule"] for row in standing if row["severity"] == "fatal"})
    call.scripts_met = sum(row["state"] == "met" for row in scripts)
    call.scripts_missed = sum(row["state"] == "missed" for row in scripts)


def alert_row(
    call_id: int, number: int, rule: str, title: str, family: str, severity: str, state: str
) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "ordinal": number,
        "key": f"a{number}",
        "rule": rule,
        "title": title,
        "family": family,
        "severity": severity,
        "party": "agent",
        "start_ms": 1000 * number,
        "end_ms": 1000 * number + 800,
        "at_ms": 1000 * number + 800,
        "quote": "=你有没有搞错",
        "similarity": 0.9,
        "advice": "",
        "state": state,
        "interrupts": True,
        "evidence": {},
    }


def script_row(call_id: int, number: int, rule: str, title: str, state: str) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "ordinal": number,
        "rule": rule,
        "occurrence": 0,
        "title": title,
        "state": state,
        "at_ms": 10_000,
        "quote": "",
        "similarity": 0.0,
        "advice": "",
        "evidence": {},
    }


def reading_row(call_id: int, name: str, value: float, unit: str) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "name": name,
        "value": value,
        "unit": unit,
        "start_ms": 0,
        "end_ms": 1000,
        "party": "agent",
    }


def _card(session: Session, call: Call, author_id: int | None, status: str, total: float) -> None:
    lines: Sequence[schema.ScoreLine] = [
        schema.ScoreLine(
            ordinal=0,
            item="unicom-opening",
            title=SCRIPTS[0][1],
            group="开场",
            status="met",
            points=10.0,
            weight=10.0,
            times=0,
            fatal=False,
            reason="00:01 “您好”",
        ),
        schema.ScoreLine(
            ordinal=1,
            item="unicom-forbidden-03",
            title=RULES[1][1],
            group="用语",
            status="lost",
            points=-12.0,
            weight=0.0,
            times=1,
            fatal=False,
            reason="",
            comment='=HYPERLINK("x")' if author_id else "",
        ),
    ]
    session.add(
        schema.Scorecard(
            call_id=call.id,
            author_id=author_id,
            status=status,
            total=total,
            max=100.0,
            grade="合格",
            groups=[
                {"name": "开场", "max": 15.0, "points": 15.0, "fatal": False, "reason": ""},
                {"name": "用语", "max": 60.0, "points": 48.0, "fatal": False, "reason": ""},
            ],
            created_at=call.received_at,
            changed_at=call.received_at,
            lines=list(lines),
        )
    )
