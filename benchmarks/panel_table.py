"""A large store for the calls table: copies of a few scored calls, each with facts of its own."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from monitor import engine
from monitor.facts import CallFacts
from monitor.store import open_store, write
from monitor.store.packs import texts_of
from monitor.store.schema import Alert, Call, Scorecard, Script, SearchTerms, Utterance
from monitor.testing import fixtures
from monitor.web.demo.calls import Appearance, hear

COPIED = ("demo", "forbidden-phrases", "missing-greeting", "compliant", "overlap")
TURNS = 4
"""Utterances copied of each call."""

DAYS = 365
AGENTS = 200
QUEUES = ("宽带报障", "移动业务", "固话", "投诉专席", "国际业务")
_BATCH = 1_000

PAGES = {
    "newest": "/calls",
    "by score": "/calls?" + urlencode({"sort": "score"}),
    "page 1000": "/calls?" + urlencode({"page": "1000"}),
    "one agent": "/calls?" + urlencode({"agent": "agent-17"}),
    "fatal findings": "/calls?" + urlencode({"severity": "fatal"}),
    "said, by characters": "/calls?" + urlencode({"text": "查询一下"}),
    "said, by sound": "/calls?" + urlencode({"sound": "听几"}),
}


def generate(folder: Path, calls: int) -> None:
    """Fill the store in `folder` with so many calls."""
    loaded = engine.load()
    packs = texts_of(loaded.rulebook)
    draw = random.Random(1)
    with open_store(folder) as store:
        templates = []
        for name in COPIED:
            item = Appearance(f"template-{name}", fixtures.load(name), CallFacts())
            data = hear(loaded, item)
            with store.session() as session:
                templates.append(write.save_call(session, data, key=item.key, packs=packs))
        with store.reading() as session:
            copies = [_template(session, number) for number in templates]
        with store.session() as session:
            first = (session.scalar(select(func.max(Call.id))) or 0) + 1
        for begin in range(0, calls, _BATCH):
            with store.session() as session:
                _copy(session, copies, first + begin, min(_BATCH, calls - begin), draw)


def _template(session: Session, call_id: int) -> dict[Any, list[dict[str, Any]]]:
    """The rows of a call, by table."""
    found = {}
    for model, owner in (
        (Call, Call.id),
        (Utterance, Utterance.call_id),
        (SearchTerms, SearchTerms.call_id),
        (Alert, Alert.call_id),
        (Script, Script.call_id),
        (Scorecard, Scorecard.call_id),
    ):
        query = select(*model.__table__.c).where(owner == call_id)
        rows = [dict(row) for row in session.execute(query).mappings()]
        found[model] = rows[:TURNS] if model in (Utterance, SearchTerms) else rows
    return found


def _copy(
    session: Session,
    copies: list[dict[Any, list[dict[str, Any]]]],
    first: int,
    count: int,
    draw: random.Random,
) -> None:
    rows: dict[Any, list[dict[str, Any]]] = {model: [] for model in copies[0]}
    for number in range(first, first + count):
        for model, template in draw.choice(copies).items():
            for row in template:
                rows[model].append(_made(model, row, number, draw))
    for model, made in rows.items():
        if made:
            session.execute(insert(model.__table__), made)


def _made(model: Any, row: dict[str, Any], number: int, draw: random.Random) -> dict[str, Any]:
    if model is Call:
        began = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=draw.randrange(DAYS * 24 * 60))
        return {
            **row,
            "id": number,
            "key": f"generated-{number}",
            "name": f"{number:08}.wav",
            "started_at": began,
            "received_at": began,
            "duration_ms": draw.randrange(20_000, 900_000),
            "agent": f"agent-{draw.randrange(AGENTS)}",
            "queue": draw.choice(QUEUES),
            "score": round(draw.triangular(40, 100, 92), 1),
        }
    made = {**row, "call_id": number}
    if model is SearchTerms:
        made["id"] = number << 20 | (row["id"] & (1 << 20) - 1)
    else:
        del made["id"]
    return made
