"""Lists of calls: every filter says what it says, every order is one, pages add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from monitor.events import Severity
from monitor.store import Store
from monitor.store.read import SORTS, CallFilter, list_calls
from monitor.store.schema import Audit, Call
from monitor.store.write import save_call
from monitor.testing.calls import AGENTS, Made, made_calls
from monitor.testing.filling import fill

_MADE = Made(calls=120, turns=2, until=datetime.fromisoformat("2026-11-20T12:00:00+00:00"))
_DATA = {f"made:1:{number}": data for number, data in enumerate(made_calls(_MADE))}
_ANY = next(iter(_DATA.values()))
_MIDDLE = datetime.fromisoformat(_DATA["made:1:60"]["call"]["started_at"])
_ORDER = list(Severity)

Holds = Callable[[Mapping[str, Any]], bool]


def _fact(name: str) -> tuple[str, Holds]:
    value = _ANY["call"]["facts"][name]
    return value, lambda data: data["call"]["facts"][name] == value


def _raised(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [alert for alert in data["alerts"] if alert["state"] != "retracted"]


_FILTERS: Mapping[str, tuple[Any, Holds]] = {
    "agent": _fact("agent"),
    "queue": _fact("queue"),
    "tier": _fact("tier"),
    "direction": ("outbound", lambda data: data["call"]["direction"] == "outbound"),
    "status": ("complete", lambda _data: True),
    "since": (
        _MIDDLE,
        lambda data: datetime.fromisoformat(data["call"]["started_at"]) >= _MIDDLE,
    ),
    "until": (_MIDDLE, lambda data: datetime.fromisoformat(data["call"]["started_at"]) < _MIDDLE),
    "score_min": (90.0, lambda data: data["score"]["total"] >= 90),
    "score_max": (90.0, lambda data: data["score"]["total"] <= 90),
    "fatal": (True, lambda data: data["score"]["fatal"]),
    "severity": (
        Severity.MAJOR,
        lambda data: any(_ORDER.index(Severity(a["severity"])) >= 2 for a in _raised(data)),
    ),
    "rule": (
        "etiquette-go-yourself",
        lambda data: any(a["rule"] == "etiquette-go-yourself" for a in _raised(data)),
    ),
    "missed": (
        "greeting",
        lambda data: any(
            s["rule"] == "greeting" and s["state"] == "missed" for s in data["scripts"]
        ),
    ),
    "name": ("-00001", lambda data: "-00001" in data["call"]["id"]),
}


@pytest.fixture
def full(store: Store) -> Store:
    fill(store, _MADE)
    return store


def keys(store: Store, which: CallFilter) -> set[str]:
    with store.reading() as session:
        page = list_calls(session, which, limit=1_000)
        assert page.total == len(page.calls)
        return {call.key for call in page.calls}


def test_every_filter_says_what_it_says(full: Store) -> None:
    for name, (value, holds) in _FILTERS.items():
        expected = {key for key, data in _DATA.items() if holds(data)}
        assert expected, name
        assert keys(full, CallFilter(**{name: value})) == expected, name
    fatal = {key for key, data in _DATA.items() if data["score"]["fatal"]}
    assert keys(full, CallFilter(fatal=False)) == set(_DATA) - fatal
    both = CallFilter(agent=_ANY["call"]["facts"]["agent"], since=_MIDDLE)
    assert keys(full, both) == keys(full, CallFilter(agent=both.agent)) & keys(
        full, CallFilter(since=_MIDDLE)
    )
    assert keys(full, CallFilter(name="%")) == set()


def test_flags_are_found_whole(full: Store) -> None:
    with full.session() as session:
        first, second = session.scalars(select(Call).order_by(Call.id).limit(2)).all()
        first.flags, second.flags = ["复核", "典型"], ["已复核"]
        expected = {first.key}
    assert keys(full, CallFilter(flag="复核")) == expected


def test_what_may_be_seen_is_one_more_condition(full: Store) -> None:
    with full.reading() as session:
        page = list_calls(session, visible=[Call.agent == AGENTS[0]], limit=1_000)
        assert {call.agent for call in page.calls} <= {AGENTS[0]}
        assert page.total == len(page.calls)


@pytest.mark.parametrize("descending", [True, False])
def test_pages_in_every_order_show_every_call_once(full: Store, *, descending: bool) -> None:
    with full.session() as session:
        session.scalars(select(Call).limit(1)).one().score = None
    for sort, column in SORTS.items():
        with full.reading() as session:
            seen = [
                call
                for offset in range(0, len(_DATA), 50)
                for call in list_calls(
                    session, sort=sort, descending=descending, offset=offset, limit=50
                ).calls
            ]
            assert len({call.id for call in seen}) == len(seen) == len(_DATA), sort
            values = session.execute(select(Call.id, column)).all()
        by_id = {row[0]: row[1] for row in values}
        shown = [by_id[call.id] for call in seen]
        known = [value for value in shown if value is not None]
        assert shown[len(known) :] == [None] * (len(shown) - len(known)), "unknown ones come last"
        if not isinstance(known[0], str):  # databases sort Chinese their own ways
            assert known == sorted(known, reverse=descending), sort


def test_made_calls_in_bulk_are_as_if_saved_one_by_one(full: Store) -> None:
    """What benchmarks fill a store with is what the product would have put there."""
    from monitor.store.export import call_json

    key, data = next(iter(_DATA.items()))
    with full.session() as session:
        bulk = session.scalars(select(Call).where(Call.key == key)).one()
        single = session.get_one(Call, save_call(session, data, key="single"))
        assert call_json(session, bulk.id) == call_json(session, single.id) == data
        same = {column.key for column in Call.__table__.columns} - {"id", "key", "received_at"}
        session.refresh(single)
        assert {name: getattr(bulk, name) for name in same} == {
            name: getattr(single, name) for name in same
        }
        assert [pack.name for pack in bulk.packs] == ["made-up"]


def test_the_audit_trail_keeps_what_it_is_told(store: Store) -> None:
    from monitor.store import audit

    with store.session() as session:
        audit.record(session, "管理员", None, "call.view", "call 12", reason="抽检")
    with store.reading() as session:
        (row,) = session.scalars(select(Audit)).all()
        assert (row.actor, row.action, row.object) == ("管理员", "call.view", "call 12")
        assert row.detail == {"reason": "抽检"}
        assert row.at.tzinfo is not None
