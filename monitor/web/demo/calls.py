"""Past calls of a demonstration: the bundled recordings, scored, as of many agents and days.

Each recording goes through the recogniser once. For its other appearances the
rules judge what was heard anew, with that call's own time, queue and agent.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from monitor.audio import file as audio_file
from monitor.base import call_record
from monitor.base.call_record import CallRecord
from monitor.call import engine
from monitor.call.engine import Engine
from monitor.call.facts import CallFacts
from monitor.events import to_dict
from monitor.rules.scorecard import scorecard
from monitor.rules.tools import replay
from monitor.store import write
from monitor.store.packs import texts_of
from monitor.store.schema import Call
from monitor.testing import fixtures
from monitor.testing.fixtures import Fixture

if TYPE_CHECKING:
    from monitor.store import Store

AGENTS = ("1001", "1002", "1003", "1004", "1005")
QUEUES = ("宽带", "移动业务", "固话", "投诉")
TIERS = ("普通", "VIP")
TIMES = 6
"""How often each recording appears."""

DAYS = 14


@dataclass(frozen=True, slots=True)
class Appearance:
    """A recording as one call of the demonstration."""

    key: str
    fixture: Fixture
    facts: CallFacts


def plan(today: datetime) -> Iterator[list[Appearance]]:
    """Per recording all its appearances; the same on every day it is asked."""
    draw = random.Random(10010)
    for fixture in sorted(fixtures.load_all(), key=lambda fixture: fixture.duration_ms):
        appearances = []
        for turn in range(TIMES):
            back = timedelta(days=draw.randrange(DAYS), minutes=draw.randrange(9 * 60))
            began = today.replace(hour=18, minute=0, second=0, microsecond=0) - back
            if began > today:
                began -= timedelta(days=1)
            facts = (
                ("agent", draw.choice(AGENTS)),
                ("queue", draw.choice(QUEUES)),
                ("tier", draw.choice(TIERS)),
            )
            known = CallFacts(began.isoformat(), "inbound", facts)
            appearances.append(Appearance(f"demo-{fixture.name}-{turn}", fixture, known))
        yield appearances


def fill(store: Store, loaded: Engine, today: datetime, stop: Callable[[], bool]) -> None:
    """Keep all appearances that the store has not, the shortest recordings first."""
    packs = texts_of(loaded.rulebook)
    for appearances in plan(today):
        missing = [item for item in appearances if not _has(store, item.key)]
        if stop():
            return
        if not missing:
            continue
        heard = hear(loaded, missing[0])
        judged = [(item, appear(loaded, heard, item)) for item in missing]
        with store.session() as session:
            for item, data in judged:
                write.save_call(session, data, key=item.key, audio=item.fixture.audio, packs=packs)


def hear(loaded: Engine, item: Appearance) -> Mapping[str, Any]:
    """The call JSON of a recording, from its audio."""
    audio = item.fixture.audio
    parties = audio_file.parties(audio, None)
    call = loaded.call(audio.name, parties, item.facts)
    record = engine.run(call, audio_file.read_call(audio, parties))
    card = scorecard(loaded.rulebook, record.alerts, record.scripts)
    return call_record.to_json(record, to_dict(card))


def appear(loaded: Engine, heard: Mapping[str, Any], item: Appearance) -> Mapping[str, Any]:
    """What was heard, judged as the call of this time, agent and queue."""
    known = replay.from_json(heard)
    info = replace(
        known.info,
        started_at=item.facts.started_at,
        direction=item.facts.direction,
        facts=dict(item.facts.facts),
    )
    record = CallRecord()
    record([info, *replay.replay(loaded.rulebook, replace(known, info=info)), known.end])
    card = scorecard(loaded.rulebook, record.alerts, record.scripts)
    judged = call_record.to_json(record, to_dict(card), item.key)
    same = {name: heard[name] for name in ("utterances", "readings", "gaps")}
    return {**judged, **same}


def _has(store: Store, key: str) -> bool:
    with store.reading() as session:
        return session.scalar(select(Call.id).where(Call.key == key)) is not None
