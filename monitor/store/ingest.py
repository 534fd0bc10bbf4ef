"""Live calls: events become rows as they come, in the caller's transaction.

Events of a call are numbered from 0 in the order they happened. A `Partial`
has no number and is not kept: it is for the screen only. Whatever arrives
twice counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session, undefer

from monitor import events as nouns
from monitor.base.call_record import VERSION, call_json, script_json, utterance_json
from monitor.events import CallInfo, Event
from monitor.store import packs, rows, schema
from monitor.store.schema import Call, now
from monitor.store.upsert import add_missing, put


class HoleError(ValueError):
    """Events before these are not in the store (any more)."""


def begin_call(
    session: Session,
    key: str,
    info: CallInfo | None = None,
    owner_id: int | None = None,
    agent: str | None = None,
) -> int:
    """Begin a live call, or go on with the one of this key; returns its id.

    `info` is what is known already; the call's first event says it too.
    `agent` is whose call it is, whatever its facts say. The call is live until
    its `CallEnd` comes; a call that was interrupted is live again, one that is
    complete stays so.
    """
    moment = now()
    values = {
        **rows.call_columns({}, moment),
        "key": key,
        "name": key,
        "status": "live",
        "received_at": moment,
        "owner_id": owner_id,
        "agent": agent,
        "head": {},
    }
    add_missing(session, Call, [values], ("key",))
    call = _locked(session, Call.key == key)
    if call.status != "complete":
        call.status, call.writer = "live", session.info["lease"].number
        if info is not None and call.next_seq == 0:
            _describe(session, call, info)
        session.flush()
    return call.id


def next_seq(session: Session, call_id: int) -> int:
    """The number of the event of a live call that comes next: all before it are kept."""
    return session.scalars(select(Call.next_seq).where(Call.id == call_id)).one()


def append_events(
    session: Session,
    call_id: int,
    first_seq: int,
    events: Sequence[tuple[Event | Mapping[str, Any], int]],
) -> int:
    """Add events to a call and fold them into its rows; returns the number of the next one.

    `events` are (event, call time up to which audio had arrived in ms), the
    event itself or the data of its JSON line; the first has the number
    `first_seq`. Those that are there already are passed over.

    Raises:
        HoleError: numbers that leave a hole.
        ValueError: no such call, or not an event.
    """
    call = _locked(session, Call.id == call_id)
    if first_seq > call.next_seq:
        raise HoleError(f"event {call.next_seq} comes next, not {first_seq}")
    fresh = events[call.next_seq - first_seq :]
    if not fresh:
        return call.next_seq
    if call.status != "complete":
        # Its events come, so it is alive, whoever took it for dead in the meantime.
        call.status, call.writer = "live", session.info["lease"].number
    fold = _Fold(session, call)
    for seq, (event, now_ms) in enumerate(fresh, call.next_seq):
        fold.take(seq, event if not isinstance(event, Mapping) else _event(event), now_ms)
    fold.write()
    call.next_seq += len(fresh)
    session.flush()
    return call.next_seq


def mark_interrupted(session: Session, call_id: int) -> bool:
    """Say that a live call broke off; False when it is not live."""
    call = _locked(session, Call.id == call_id)
    if call.status != "live":
        return False
    call.status, call.writer = "interrupted", None
    session.flush()
    return True


def save_score(session: Session, call_id: int, score: Mapping[str, Any] | None) -> None:
    """Put the machine's card of a call in place of its last one.

    `score` is `monitor.rules.scorecard.Scorecard` as JSON data; None: the call has no card.
    """
    machine = select(schema.Scorecard).where(
        schema.Scorecard.call_id == call_id, schema.Scorecard.status == "machine"
    )
    card = session.scalars(machine).first()
    call = session.get_one(Call, call_id)
    for name, value in rows.score_columns(score).items():
        setattr(call, name, value)
    if score is None:
        if card is not None:
            session.delete(card)
        session.flush()
        return
    row = rows.row_of(schema.Scorecard, score)
    lines = row.pop("lines")
    moment = now()
    if card is None:
        card = schema.Scorecard(
            call_id=call_id, author_id=None, status="machine", created_at=moment, **row
        )
        session.add(card)
    for name, value in row.items():
        setattr(card, name, value)
    card.changed_at = moment
    card.lines.clear()
    session.flush()  # the old lines go before new ones of the same items come
    card.lines.extend(
        schema.ScoreLine(ordinal=ordinal, **rows.row_of(schema.ScoreLine, line))
        for ordinal, line in enumerate(lines)
    )
    session.flush()


class _Fold:
    """A batch of events on its way into the rows of one call."""

    def __init__(self, session: Session, call: Call) -> None:
        self._session = session
        self._call = call
        self._events: list[dict[str, Any]] = []
        self._new: dict[str, list[dict[str, Any]]] = {name: [] for name in rows.LISTS}
        self._search: list[dict[str, Any]] = []
        self._turns = -1  # how many there are; -1: not counted yet

    def take(self, seq: int, event: Event, now_ms: int) -> None:
        body = json.loads(nouns.to_json(event))
        own = {"call_id": self._call.id}
        self._events.append(
            {**own, "seq": seq, "kind": body["event"], "now_ms": now_ms, "body": body}
        )
        self._call.duration_ms = max(self._call.duration_ms, now_ms)
        match event:
            case nouns.CallInfo():
                _describe(self._session, self._call, event)
            case nouns.Utterance():
                self._turn(utterance_json(event))
            case nouns.Alert():
                row = rows.row_of(schema.Alert, nouns.to_dict(event))
                self._new["alerts"].append({**row, **own, "ordinal": seq})
            case nouns.ScriptState():
                row = rows.row_of(schema.Script, script_json(event))
                self._new["scripts"].append({**row, **own, "ordinal": seq})
            case nouns.Reading() if event.final:
                data = {k: v for k, v in nouns.to_dict(event).items() if k != "final"}
                self._new["readings"].append({**rows.row_of(schema.Reading, data), **own})
            case nouns.Gap():
                row = rows.row_of(schema.Gap, nouns.to_dict(event))
                self._new["gaps"].append({**row, **own})
            case nouns.CallEnd():
                self._end(event)
            case _:
                pass

    def write(self) -> None:
        session, call = self._session, self._call
        for table, items in (
            (schema.StoredEvent, self._events),
            (schema.Utterance, self._new["utterances"]),
            (schema.SearchTerms, self._search),
            (schema.Reading, self._new["readings"]),
            (schema.Gap, self._new["gaps"]),
        ):
            if items:
                session.execute(insert(table), items)
        call.gaps += len(self._new["gaps"])
        # The last state of a batch counts: one statement may not change a row twice.
        if alerts := _last(self._new["alerts"], ("key",)):
            put(session, schema.Alert, alerts, ("call_id", "key"), keep=("ordinal",))
            standing = schema.Alert.state.not_in(schema.NOT_COUNTED)
            self._count(schema.Alert.severity, standing, nouns.Severity, "alerts")
        if scripts := _last(self._new["scripts"], ("rule", "occurrence")):
            keys = ("call_id", "rule", "occurrence")
            put(session, schema.Script, scripts, keys, keep=("ordinal",))
            ended = ("met", "missed")
            self._count(schema.Script.state, schema.Script.state.in_(ended), ended, "scripts")

    def _turn(self, data: Mapping[str, Any]) -> None:
        if self._turns < 0:
            counted = select(func.count()).where(schema.Utterance.call_id == self._call.id)
            self._turns = self._session.scalar(counted) or 0
        row = {"call_id": self._call.id, "ordinal": self._turns}
        self._new["utterances"].append({**rows.utterance_row(data), **row})
        if rows.searched(self._turns):
            self._search.append(rows.search_row(self._call.id, self._turns, data))
        self._turns += 1

    def _end(self, end: nouns.CallEnd) -> None:
        call = self._call
        call.status, call.writer = "complete", None
        call.duration_ms = end.duration_ms
        call.released_by = end.released_by or call.released_by
        over = {"duration_ms": end.duration_ms, "released_by": end.released_by}
        call.head = {**call.head, "call": {**call.head.get("call", {}), **over}}

    def _count(self, what: Any, which: Any, names: Iterable[str], prefix: str) -> None:
        table = what.class_
        counted = select(what, func.count()).where(table.call_id == self._call.id, which)
        found = {row[0]: row[1] for row in self._session.execute(counted.group_by(what))}
        for name in names:  # also those of which there is none any more
            setattr(self._call, f"{prefix}_{name}", found.get(name, 0))


def _describe(session: Session, call: Call, info: CallInfo) -> None:
    """What a call says of itself when it begins."""
    data = call_json(info)
    agent = call.agent
    for name, value in rows.call_columns(data, call.received_at).items():
        setattr(call, name, value)
    call.agent = agent or call.agent
    call.head = rows.head_of({"version": VERSION, "review": None, "call": data})
    kept = {row.id for row in packs.named(session, packs.versions(data))}
    packs.link(session, call.id, kept)


def _last(items: Iterable[dict[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """The last item of each key, at the place of the first, with the first one's ordinal."""
    last: dict[tuple[Any, ...], dict[str, Any]] = {}
    for item in items:
        key = tuple(item[name] for name in keys)
        last[key] = {**item, "ordinal": last.get(key, item)["ordinal"]}
    return list(last.values())


def _event(body: Mapping[str, Any]) -> Event:
    return nouns.from_json(json.dumps(body))


def _locked(session: Session, which: ColumnElement[bool]) -> Call:
    """The call, held against others that write it until the transaction ends.

    Raises:
        ValueError: there is no such call.
    """
    held = select(Call).where(which).with_for_update().execution_options(populate_existing=True)
    call = session.scalars(held.options(undefer(Call.head))).one_or_none()
    if call is None:
        raise ValueError("no such call")
    return call
