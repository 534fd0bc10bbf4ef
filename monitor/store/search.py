"""Full-text search over what was said, by characters and by sound.

By characters an utterance is found when it contains the words as they are
said, however they are written. By sound it is found when something in it
sounds like them, as `monitor.store.sounds` defines it. Both look up pairs of
neighbours (`monitor.store.terms`) in an index of the database; by sound the
utterances found are then compared syllable by syllable.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.orm import Session

from monitor.store.schema import Call, SearchTerms, Utterance
from monitor.store.sounds import Wanted, allowed, distance, pieces, wanted
from monitor.store.terms import JOINT, character_terms, sounds_of_terms

_INDEX = table("search_index", column("rowid", Integer))
_ORDINAL_BITS = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """An utterance that a search found."""

    call_id: int
    ordinal: int
    party: str
    start_ms: int
    end_ms: int
    text: str


def text_condition(session: Session, words: str) -> ColumnElement[bool]:
    """That the words were said in the call, one after the other."""
    terms = character_terms(words)
    if not terms:
        return false()
    if _is_postgresql(session):
        query = _tsquery([[[term] for term in terms[:-1] or [f"{terms[0]}:*"]]])
        found = _postgresql(SearchTerms.text, query).where(_in_a_row(terms))
    elif len(terms) == 1:
        found = _sqlite(f'text : "{terms[0]}" *')
    else:
        found = _sqlite(f'text : "{" ".join(terms[:-1])}"')
    return Call.id.in_(found)


def sound_condition(session: Session, words: str) -> ColumnElement[bool]:
    """That something in the call sounds like the words (characters or pinyin)."""
    query = wanted(words)
    if not query:
        return false()
    near = select(SearchTerms.id, SearchTerms.sounds).where(_may_sound(session, query))
    known: dict[str, bool] = {}
    calls: set[int] = set()
    for number, sounds in session.execute(near):
        call_id = number >> _ORDINAL_BITS
        if call_id in calls:
            continue
        if sounds not in known:
            known[sounds] = _sounds_like(query, sounds)
        if known[sounds]:
            calls.add(call_id)
    return Call.id.in_(_numbers(session, calls))


def hits(
    session: Session,
    call_ids: Sequence[int],
    *,
    text: str | None = None,
    sound: str | None = None,
) -> list[Hit]:
    """The utterances of these calls that a search by `text` or `sound` finds, in order."""
    rows = select(SearchTerms).where(SearchTerms.call_id.in_(call_ids))
    found: set[int] = set()
    for word in (text or "").split():
        if terms := character_terms(word):
            found |= {row.id for row in session.scalars(rows.where(_in_a_row(terms)))}
    if sound and (query := wanted(sound)):
        found |= {row.id for row in session.scalars(rows) if _sounds_like(query, row.sounds)}
    turns = session.scalars(
        select(Utterance)
        .where(Utterance.call_id.in_({number >> _ORDINAL_BITS for number in found}))
        .order_by(Utterance.call_id, Utterance.ordinal)
    )
    return [
        Hit(turn.call_id, turn.ordinal, turn.party, turn.start_ms, turn.end_ms, turn.text)
        for turn in turns
        if turn.call_id << _ORDINAL_BITS | turn.ordinal in found
    ]


def _in_a_row(terms: Sequence[str]) -> ColumnElement[bool]:
    """That the pairs follow one another; a single character begins one. The terms hold nothing
    that means something to LIKE."""
    run = " ".join(terms[:-1] or terms)
    return (literal_column("' '") + SearchTerms.text).like(f"% {run}%")


def _sounds_like(query: Wanted, terms: str) -> bool:
    return distance(query, sounds_of_terms(terms)) <= allowed(query)


def _may_sound(session: Session, query: Wanted) -> ColumnElement[bool]:
    """What the index can say: that a piece of the query is there in one of its forms."""
    forms = [[_words(pair) for pair in piece] for piece in pieces(query)]
    if _is_postgresql(session):
        return _matches(SearchTerms.sounds, _tsquery(forms))
    asked = " OR ".join(
        "(" + " AND ".join("(" + " OR ".join(_quoted(pair)) + ")" for pair in piece) + ")"
        for piece in forms
    )
    found = select(_INDEX.c.rowid).where(_fts(f"sounds : ({asked})"))
    return SearchTerms.id.in_(found)


def _words(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The index's words for pairs of syllables; one that ends in `:*` is a beginning."""
    return sorted(f"{one}{JOINT}{other}" if other else f"{one}{JOINT}:*" for one, other in pairs)


def _quoted(words: Iterable[str]) -> list[str]:
    return [
        f'"{word.removesuffix(":*")}"' + (" *" if word.endswith(":*") else "") for word in words
    ]


def _sqlite(query: str) -> Select[Any]:
    """The calls with an utterance that the FTS5 query finds."""
    return (
        select(literal_column(f"rowid >> {_ORDINAL_BITS}")).select_from(_INDEX).where(_fts(query))
    )


def _fts(query: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = literal_column("search_index").op("MATCH", is_comparison=True)(
        query
    )
    return found


def _postgresql(what: Any, query: str) -> Select[Any]:
    return select(SearchTerms.call_id).where(_matches(what, query))


def _matches(what: Any, query: str) -> ColumnElement[bool]:
    """The expression that is indexed, against a query."""
    words = func.array_to_tsvector(func.string_to_array(what, literal_column("' '")))
    found: ColumnElement[bool] = words.op("@@", is_comparison=True)(cast(query, TSQUERY))
    return found


def _tsquery(pieces_: Iterable[Iterable[Iterable[str]]]) -> str:
    """Any of the pieces, all pairs of a piece, any form of a pair."""

    def word(form: str) -> str:
        return f"'{form.removesuffix(':*')}'" + (":*" if form.endswith(":*") else "")

    return " | ".join(
        "(" + " & ".join("(" + " | ".join(map(word, pair)) + ")" for pair in piece) + ")"
        for piece in pieces_
    )


def _numbers(session: Session, numbers: Iterable[int]) -> Select[Any]:
    """A list of numbers of any length, as one parameter."""
    if _is_postgresql(session):
        return select(func.unnest(cast(literal(sorted(numbers), ARRAY(Integer)), ARRAY(Integer))))
    each = func.json_each(json.dumps(sorted(numbers))).table_valued("value")
    return select(each.c.value)


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
