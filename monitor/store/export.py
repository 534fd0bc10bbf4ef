"""What a call left in the store, as call JSON or as its events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.base.call_record import VERSION
from monitor.store import rows, schema
from monitor.store.schema import Call, Scorecard, StoredEvent


def call_json(session: Session, call_id: int) -> dict[str, Any]:
    """The call JSON (docs/call-json.md): of a whole call, what was saved; of a live one, as far
    as it has come. The card is the machine's.

    Raises:
        KeyError: there is no such call.
    """
    call = session.get(Call, call_id)
    if call is None:
        raise KeyError(call_id)
    head = dict(call.head)
    told = head.pop("call", {})
    version = head.pop("version", VERSION)
    data: dict[str, Any] = {
        "version": version,
        "fingerprint": call.fingerprint,
        "call": {**told, "facts": call.facts},
    }
    for name, table in rows.LISTS.items():
        data[name] = [rows.data_of(row) for row in _rows(session, table, call_id)]
    # A live call's turns were kept in the order they ended.
    data["utterances"].sort(key=lambda turn: (turn["start_ms"], turn["end_ms"], turn["party"]))
    return {**data, "score": _score(session, call_id), **head}


def events(
    session: Session, call_id: int, first_seq: int = 0, limit: int | None = None
) -> list[tuple[int, int, dict[str, Any]]]:
    """The (number, call time, event) of a live call's events, from a number on."""
    kept = select(StoredEvent.seq, StoredEvent.now_ms, StoredEvent.body).where(
        StoredEvent.call_id == call_id, StoredEvent.seq >= first_seq
    )
    rows = session.execute(kept.order_by(StoredEvent.seq).limit(limit))
    return [(row.seq, row.now_ms, row.body) for row in rows]


def _rows(session: Session, table: Any, call_id: int) -> Sequence[Any]:
    order = table.id if table in (schema.Reading, schema.Gap) else table.ordinal
    return session.scalars(select(table).where(table.call_id == call_id).order_by(order)).all()


def _score(session: Session, call_id: int) -> dict[str, Any] | None:
    machine = select(Scorecard).where(Scorecard.call_id == call_id, Scorecard.status == "machine")
    card = session.scalars(machine).first()
    if card is None:
        return None
    data = rows.data_of(card)
    data["lines"] = [rows.data_of(line) for line in card.lines]
    return data
