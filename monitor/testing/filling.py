"""A store full of made-up calls, as fast as the database takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from monitor.store import packs, rows, schema
from monitor.store.database import Store
from monitor.store.schema import now
from monitor.testing.calls import Made, made_calls

_BATCH = 1_000


def fill(store: Store, made: Made) -> None:
    """Add the calls, which must be new; each looks as `monitor.store.write.save_call` leaves it."""
    calls = made_calls(made)
    for first in range(0, made.calls, _BATCH):
        some = list(islice(calls, _BATCH))
        keys = [f"made:{made.seed}:{first + at}" for at in range(len(some))]
        with store.session() as session:
            _add(session, keys, some)


def _add(session: Session, keys: Iterable[str], calls: Sequence[Mapping[str, Any]]) -> None:
    moment = now()
    heads = [
        {**rows.whole_call(data, moment), "key": key, "received_at": moment}
        for key, data in zip(keys, calls, strict=True)
    ]
    new = insert(schema.Call).returning(schema.Call.id, sort_by_parameter_order=True)
    ids = session.scalars(new, heads).all()
    numbered = list(zip(ids, calls, strict=True))
    judged = packs.named(session, packs.versions(calls[0]["call"]))
    _insert(
        session,
        schema.CallPack,
        ({"call_id": call_id, "pack_id": pack.id} for call_id in ids for pack in judged),
    )
    for name, table in rows.LISTS.items():
        if name == "utterances":
            continue
        found = (
            {**rows.row_of(table, item), "call_id": call_id, "ordinal": ordinal}
            for call_id, data in numbered
            for ordinal, item in enumerate(data[name])
        )
        _insert(session, table, found)
    turns = [
        (call_id, ordinal, said)
        for call_id, data in numbered
        for ordinal, said in enumerate(data["utterances"])
    ]
    _insert(
        session,
        schema.Utterance,
        (
            {**rows.utterance_row(said), "call_id": call_id, "ordinal": ordinal}
            for call_id, ordinal, said in turns
        ),
    )
    _insert(session, schema.SearchTerms, (rows.search_row(*turn) for turn in turns))
    _cards(session, numbered)


def _cards(session: Session, numbered: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    moment = now()
    cards = []
    for call_id, data in numbered:
        row = rows.row_of(schema.Scorecard, data["score"])
        del row["lines"]
        times = {"created_at": moment, "changed_at": moment}
        cards.append({**row, **times, "call_id": call_id, "status": "machine"})
    new = insert(schema.Scorecard).returning(schema.Scorecard.id, sort_by_parameter_order=True)
    ids = session.scalars(new, cards).all()
    lines = (
        {**rows.row_of(schema.ScoreLine, line), "scorecard_id": card, "ordinal": ordinal}
        for card, (_, data) in zip(ids, numbered, strict=True)
        for ordinal, line in enumerate(data["score"]["lines"])
    )
    _insert(session, schema.ScoreLine, lines)


def _insert(session: Session, table: type[schema.Base], items: Iterable[Mapping[str, Any]]) -> None:
    found = list(items)
    if found:
        session.execute(insert(table), found)
