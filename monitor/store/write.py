"""Writing calls: whole ones as `monitor score` leaves them.

Every function works within the caller's transaction and commits nothing.
Live calls, event by event: `monitor.store.ingest`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from monitor.store import packs as pack_rows
from monitor.store import rows, schema
from monitor.store.audio import Kept
from monitor.store.ingest import (
    append_events,
    begin_call,
    mark_interrupted,
    next_seq,
    save_score,
)
from monitor.store.keeping import delete_call, keep_audio
from monitor.store.packs import PackText
from monitor.store.schema import Call, now
from monitor.store.upsert import add_missing

__all__ = [
    "append_events",
    "begin_call",
    "delete_call",
    "keep_audio",
    "mark_interrupted",
    "next_seq",
    "save_call",
    "save_failed",
    "save_score",
]


def save_call(
    session: Session,
    data: Mapping[str, Any],
    *,
    key: str,
    audio: Path | Kept | None = None,
    owner_id: int | None = None,
    packs: Sequence[PackText] = (),
) -> int:
    """Keep a whole call, given as its call JSON; returns its id.

    `audio` is its recording, best as `Store.put_audio` returned it: a path is
    copied within the transaction, while others wait.

    Doing it again with the same `key` changes nothing. Another result of the
    same call (its fingerprint differs) takes the place of the machine's
    earlier one; what people added – scorecards, verdicts, flags – stays.

    Raises:
        UserError: the call JSON lacks something, or the recording cannot be kept.
    """
    rows.sound_call(data)
    call = _call(session, key, owner_id)
    fingerprint = str(data.get("fingerprint") or "")
    if audio is not None:
        keep_audio(session, call, audio)
    if call.status == "complete" and fingerprint and call.fingerprint == fingerprint:
        return call.id
    for name, value in rows.whole_call(data, call.started_at).items():
        # Scored again without saying whose call it is: what was known stays known.
        if value is not None or name not in rows.KNOWN_BEFORE:
            setattr(call, name, value)
    session.flush()
    _replace_lists(session, call.id, data)
    save_score(session, call.id, data["score"])
    said = pack_rows.versions(data["call"])
    kept = pack_rows.keep(session, packs) if packs else pack_rows.named(session, said)
    pack_rows.link(session, call.id, {row.id for row in kept})
    return call.id


def save_failed(session: Session, *, key: str, name: str, source: str, error: str) -> int:
    """Keep that a recording could not be scored, and why; a finished call is left alone."""
    call = _call(session, key, None)
    if call.status != "complete":
        call.name, call.source, call.status, call.error = name, source, "failed", error
        session.flush()
    return call.id


def _call(session: Session, key: str, owner_id: int | None) -> Call:
    """The call of this key, locked against others that write it, or a new one."""
    moment = now()
    values = {
        **rows.call_columns({}, moment),
        "key": key,
        "status": "failed",
        "received_at": moment,
        "owner_id": owner_id,
        "head": {},
    }
    add_missing(session, Call, [values], ("key",))
    found = select(Call).where(Call.key == key).with_for_update()
    return session.scalars(found.execution_options(populate_existing=True)).one()


def _replace_lists(session: Session, call_id: int, data: Mapping[str, Any]) -> None:
    old: tuple[Any, ...] = (schema.StoredEvent, schema.Utterance, schema.SearchTerms)
    for table in (*old, schema.Reading, schema.Gap):
        session.execute(delete(table).where(table.call_id == call_id))
    utterances = data["utterances"]
    own = {"call_id": call_id}
    heard_again = rows.confirmed_texts(utterances, data.get("review"))
    turns = [
        {**rows.utterance_row(said), **own, "ordinal": ordinal, "confirmed_text": again}
        for ordinal, (said, again) in enumerate(zip(utterances, heard_again, strict=True))
    ]
    terms = [
        rows.search_row(call_id, ordinal, said)
        for ordinal, said in enumerate(utterances)
        if rows.searched(ordinal)
    ]
    _add(session, schema.Utterance, turns)
    _add(session, schema.SearchTerms, terms)
    for name in ("readings", "gaps"):
        table = rows.LISTS[name]
        _add(session, table, [{**rows.row_of(table, item), **own} for item in data[name]])
    same = {"alerts": ("key", "rule", "party", "start_ms"), "scripts": ("rule", "occurrence")}
    for name, identity in same.items():
        table = rows.LISTS[name]
        found = [
            {**rows.row_of(table, item), **own, "ordinal": ordinal}
            for ordinal, item in enumerate(data[name])
        ]
        _replace_findings(session, table, call_id, found, identity)


def _replace_findings(
    session: Session,
    table: Any,
    call_id: int,
    found: Sequence[Mapping[str, Any]],
    identity: Sequence[str],
) -> None:
    """The findings of this scoring in place of the last one's.

    One that was found again keeps its row, and so what people said of it.
    """
    again = {tuple(row[name] for name in identity): row for row in found}
    for old in session.scalars(select(table).where(table.call_id == call_id)).all():
        row = again.pop(tuple(getattr(old, name) for name in identity), None)
        if row is None:
            session.delete(old)
            continue
        for name, value in row.items():
            setattr(old, name, value)
    session.flush()
    _add(session, table, list(again.values()))


def _add(session: Session, table: Any, items: Sequence[Mapping[str, Any]]) -> None:
    if items:
        session.execute(insert(table), items)
