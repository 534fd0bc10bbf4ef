"""Call JSON to the rows of tables and back, without loss.

What a table has no column for is kept in its `extra` (a call's in `head`), so
that what comes out equals what came in, also when a newer program wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.moments import is_day
from monitor.store import schema
from monitor.store.terms import character_terms, sounds_of, syllable_terms

_SPAN = ("start_ms", "end_ms")
_FINDING = ("title", *_SPAN, "at_ms", "quote", "similarity", "advice", "evidence")

FIELDS: Mapping[type[schema.Base], tuple[str, ...]] = MappingProxyType(
    {
        schema.Utterance: ("party", *_SPAN, "text", "tokens"),
        schema.Alert: (
            *("id", "rule", *_FINDING),
            *("family", "severity", "party", "state", "interrupts"),
        ),
        schema.Script: ("rule", "occurrence", "state", "deadline_ms", *_FINDING),
        schema.Reading: ("name", "value", "unit", *_SPAN, "party"),
        schema.Gap: ("party", *_SPAN, "reason"),
        schema.Scorecard: ("total", "max", "grade", "fatal", "groups", "lines"),
        schema.ScoreLine: (
            *("item", "title", "group", "status", "points", "weight"),
            *("times", "fatal", "reason"),
        ),
    }
)
"""What call JSON says of each thing and its table has a column for."""

_COLUMN: Mapping[tuple[type[schema.Base], str], str] = MappingProxyType(
    {(schema.Alert, "id"): "key"}
)
"""Columns with another name than their field."""

LISTS: Mapping[str, type[schema.Base]] = MappingProxyType(
    {
        "utterances": schema.Utterance,
        "alerts": schema.Alert,
        "scripts": schema.Script,
        "readings": schema.Reading,
        "gaps": schema.Gap,
    }
)
_TURN_BITS = 20  # of an id of `schema.SearchTerms`: turns of one call
_MAX_COLUMN = 200  # characters; PostgreSQL takes 2,704 bytes into an index
_TOP = frozenset({*LISTS, "score", "call", "fingerprint"})


KNOWN_BEFORE = frozenset({"agent", "queue", "tier", "direction", "released_by"})
"""Columns that say what was known of a call, not how it was scored."""


def row_of(table: type[schema.Base], data: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of one thing of the call JSON.

    Raises:
        UserError: a field is missing.
    """
    names = FIELDS[table]
    try:
        row = {_COLUMN.get((table, name), name): data[name] for name in names}
    except KeyError as error:
        raise _missing(f"{table.__tablename__}: {error.args[0]}") from error
    row["extra"] = {key: data[key] for key in data if key not in names} or None
    return row


def data_of(row: Any) -> dict[str, Any]:
    """The thing that `row_of` took apart."""
    table = type(row)
    data = {name: getattr(row, _COLUMN.get((table, name), name)) for name in FIELDS[table]}
    return {**data, **(row.extra or {})}


def utterance_row(data: Mapping[str, Any]) -> dict[str, Any]:
    """An utterance's columns but its place in the call."""
    row = row_of(schema.Utterance, data)
    said = (token["syllable"] for token in data["tokens"])
    return {**row, "syllables": " ".join(sound for sound in said if sound)}


def confirmed_texts(
    utterances: Sequence[Mapping[str, Any]], review: Mapping[str, Any] | None
) -> list[str | None]:
    """What the second recogniser heard in each turn: its words whose middle lies in it."""
    words = [
        (turn["party"], (token["start_ms"] + token["end_ms"]) / 2, token["text"])
        for turn in (review or {}).get("utterances", ())
        for token in turn["tokens"]
    ]
    return [
        "".join(
            word
            for party, middle, word in words
            if party == turn["party"] and turn["start_ms"] <= middle < turn["end_ms"]
        )
        or None
        for turn in utterances
    ]


def search_row(call_id: int, ordinal: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """What an utterance is found by; see `schema.SearchTerms`."""
    return {
        "id": search_id(call_id, ordinal),
        "call_id": call_id,
        "text": " ".join(character_terms(data["text"])),
        "sounds": " ".join(syllable_terms(sounds_of(data["tokens"]))),
    }


def search_id(call_id: int, ordinal: int) -> int:
    return call_id << _TURN_BITS | ordinal


def searched(ordinal: int) -> bool:
    """Whether the turn of this number has a place among what is searched."""
    return ordinal < 1 << _TURN_BITS


def call_columns(call: Mapping[str, Any], began: datetime) -> dict[str, Any]:
    """The columns of a call from the `call` of its JSON.

    Agent, queue and tier are what `facts` says; who released the call, the
    call's end, else `facts`. A start without a time zone is local time; a call
    that says nothing of its start began at `began`.
    """
    facts = call.get("facts") or {}
    return {
        "name": str(call.get("id") or ""),
        "source": str(call.get("source") or ""),
        "started_at": _moment(call.get("started_at")) or began,
        "duration_ms": call.get("duration_ms") or 0,
        "parties": list(call.get("parties") or ()),
        "recogniser": str(call.get("recogniser") or ""),
        "direction": call.get("direction"),
        "released_by": call.get("released_by") or _word(facts.get("released_by")),
        "facts": dict(facts),
        **{name: _word(facts.get(name)) for name in ("agent", "queue", "tier")},
    }


def whole_call(data: Mapping[str, Any], began: datetime) -> dict[str, Any]:
    """The columns of a call that is over, from its call JSON."""
    return {
        **call_columns(data["call"], began),
        **findings(data["alerts"]),
        **scripts(data["scripts"]),
        **score_columns(data["score"]),
        "gaps": len(data["gaps"]),
        "head": head_of(data),
        "status": "complete",
        "writer": None,
        "fingerprint": str(data.get("fingerprint") or ""),
        "error": str(data["call"].get("damage") or ""),
    }


def score_columns(score: Mapping[str, Any] | None) -> dict[str, Any]:
    """The columns of a call that repeat its card."""
    if score is None:
        return {"score": None, "score_max": None, "grade": "", "fatal_items": 0}
    card = row_of(schema.Scorecard, score)
    return {
        "score": card["total"],
        "score_max": card["max"],
        "grade": card["grade"],
        "fatal_items": sum(1 for line in card["lines"] if line["fatal"]),
    }


def head_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a call JSON says beside what tables hold: its `call` but the facts, and the unknown."""
    call = {key: value for key, value in data["call"].items() if key != "facts"}
    return {"call": call, **{key: data[key] for key in data if key not in _TOP}}


def sound_call(data: Mapping[str, Any]) -> None:
    """Check that this is a call JSON with all its parts.

    Raises:
        UserError: a part is missing.
    """
    for name in ("version", *sorted(_TOP - {"fingerprint"})):
        if name not in data:
            raise _missing(name)


def findings(alerts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The columns that count the alerts by severity; what was retracted does not count."""
    raised = [alert["severity"] for alert in alerts if alert["state"] not in schema.NOT_COUNTED]
    return {f"alerts_{level}": raised.count(level) for level in ("tip", "minor", "major", "fatal")}


def scripts(states: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The columns that count the scripts by how they ended."""
    ended = [script["state"] for script in states]
    return {f"scripts_{state}": ended.count(state) for state in ("met", "missed")}


def _moment(text: Any) -> datetime | None:
    """The moment of an ISO 8601 text; the noon of a day whose time is not known."""
    try:
        if isinstance(text, str) and is_day(text):
            text = f"{date.fromisoformat(text)}T12:00"
        return datetime.fromisoformat(text).astimezone() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def _word(value: Any) -> str | None:
    """What lists sort and filter by; all of it stands in the call's facts."""
    return None if value is None or value == "" else str(value)[:_MAX_COLUMN]


def _missing(name: str) -> UserError:
    return UserError(
        tr(
            f"通话 JSON 缺少 {name}（应由 monitor score 生成）",
            f"the call JSON lacks {name} (one that `monitor score` wrote is needed)",
        )
    )
