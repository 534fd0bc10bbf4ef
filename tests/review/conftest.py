"""Calls that rules judged, in a store, without any audio: text spoken by nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor import rules
from monitor.base import call_record
from monitor.base.call_record import CallRecord
from monitor.events import to_dict
from monitor.rules import Rulebook
from monitor.rules.language.pack import Example
from monitor.rules.scorecard import scorecard
from monitor.rules.tools.examples import example_call
from monitor.rules.tools.replay import replay_session
from monitor.store import Store, write
from monitor.store.packs import texts_of
from monitor.store.schema import User

NOW = datetime(2026, 3, 9, 9, tzinfo=UTC)

PACK = """\
pack: desk
title: 测试规范
version: "{version}"
score:
  groups: {{开场: 40, 用语: 60}}
rules:
  - id: opening
    title: 十秒内说首语
    severity: 一般
    must: [您好请问有什么可以帮您]
    within: 10s
    score: {{group: 开场, weight: 40}}
    examples:
      alert: [喂你说吧]
      quiet: [您好请问有什么可以帮您]
  - id: who
    title: 不说“你找谁”
    severity: 严重
    never: [{phrase}]
    score: {{group: 用语, deduct: 10, each: true}}
    examples:
      alert: [喂【{phrase}】]
      quiet: [请问您找哪位]
  - id: quiet-one
    title: 不说“没办法”
    severity: 致命
    never: [我也没办法]
    score: {{group: 用语, fatal: card}}
    examples:
      alert: [这个我也没办法]
      quiet: [我帮您想办法]
"""

GOOD = "您好请问有什么可以帮您"
BAD = "你找谁啊"

Keep = Callable[..., int]


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rulebook]:
    """The pack in a version; compiled once."""
    made: dict[tuple[str, str], Rulebook] = {}

    def load(version: str = "1.0", phrase: str = "你找谁") -> Rulebook:
        if (version, phrase) not in made:
            file = tmp_path_factory.mktemp("packs") / "desk.yaml"
            file.write_text(PACK.format(version=version, phrase=phrase), "utf-8")
            made[version, phrase] = rules.load([file])
        return made[version, phrase]

    return load


@pytest.fixture
def keep(store: Store, book: Callable[..., Rulebook]) -> Keep:
    """Keep a call in which these turns were said; returns its id."""
    kept: list[str] = []

    def add(
        *turns: Mapping[str, str],
        agent: str = "wang",
        version: str = "1.0",
        phrase: str = "你找谁",
        audio: Path | None = None,
    ) -> int:
        rulebook = book(version, phrase)
        data = judged(rulebook, turns, f"call-{len(kept)}", agent)
        kept.append(data["call"]["id"])
        with store.session() as session:
            return write.save_call(
                session, data, key=data["call"]["id"], packs=texts_of(rulebook), audio=audio
            )

    return add


def judged(
    rulebook: Rulebook, turns: tuple[Mapping[str, str], ...], name: str, agent: str
) -> dict[str, Any]:
    """The call JSON of a conversation."""
    example = Example.model_validate({"turns": list(turns), "call": {"agent": agent}})
    call, _ = example_call(example)
    record = CallRecord()
    number = int(name.rpartition("-")[2])
    packs = tuple(f"{pack.id}@{pack.version}" for pack in rulebook.resolved)
    began = (NOW - timedelta(days=2, minutes=number)).isoformat()
    info = replace(call.info, id=name, source="", packs=packs, started_at=began)
    call = replace(call, info=info)
    _, outcome = replay_session(rulebook, call)
    record([info, *call.utterances, *call.readings, *outcome, call.end])
    score = to_dict(scorecard(rulebook, record.alerts, record.scripts))
    return call_record.to_json(record, score, fingerprint=name)


@pytest.fixture
def people(store: Store) -> dict[str, User]:
    """An agent, two reviewers and a trainer."""
    roles = {"wang": "agent", "qa": "qa", "qa2": "qa", "trainer": "trainer"}
    with store.session() as session:
        users = {
            name: User(
                name=name,
                role=role,
                agent=name if role == "agent" else None,
                password="",
                created_at=NOW,
            )
            for name, role in roles.items()
        }
        session.add_all(users.values())
    return users
