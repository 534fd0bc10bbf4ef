"""Events that come from another machine: nothing in them is taken on trust."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from monitor.events import CallInfo, Event, Partial, from_dict, from_json, to_dict, to_json
from monitor.rules.scorecard import Scorecard
from monitor.web.snapshot import EventData

MAX_EVENTS = 1_000
"""Events in one message."""

_MAX_TEXT = 20_000
_MAX_NAME = 200
"""Characters of what is looked up by: PostgreSQL takes 2,704 bytes into an index."""

_NAMES = frozenset({"id", "rule", "family", "item", "group", "grade", "name", "unit", "packs"})
"""Fields that hold such names."""

_LOOKED_UP = ("agent", "queue", "tier", "released_by")
"""Facts of a call that do."""

_MAX_NUMBER = 1e300
_MAX_EXACT = 2**53  # whole numbers that a double holds
_MAX_SIZE = 20_000
"""Values in one mapping or list, all that is in it included."""

_MAX_WHOLE = 2**31 - 1  # what a column of the store holds
_MAX_DEPTH = 12


def event_of(data: object) -> Event:
    """The event of a JSON value, with every field of the type it should have.

    Raises:
        ValueError: it is not an event, or a field holds something else.
    """
    if not isinstance(data, Mapping):
        raise ValueError("an event is an object")
    event = from_json(json.dumps(data))
    _check(event)
    return event


def numbered(items: object) -> list[Event]:
    """The events of a message; a `Partial` has no number and does not belong there.

    Raises:
        ValueError: not a list of numbered events, or too long a one.
    """
    if not isinstance(items, Sequence) or isinstance(items, str) or len(items) > MAX_EVENTS:
        raise ValueError(f"events: a list of at most {MAX_EVENTS}")
    events = [event_of(item) for item in items]
    if any(isinstance(event, Partial) for event in events):
        raise ValueError("events: a partial has no number")
    return events


def data_of(event: Event) -> EventData:
    """The event as JSON data, with its kind under `event`."""
    data: EventData = json.loads(to_json(event))
    return data


def card_of(data: object) -> Mapping[str, Any]:
    """A scorecard as JSON data.

    Raises:
        ValueError: it is not one.
    """
    if not isinstance(data, Mapping) or not _plain(data):
        raise ValueError("score: a scorecard")
    card = from_dict(Scorecard, data)
    _check(card)
    if len(card.lines) > MAX_EVENTS or len({line.item for line in card.lines}) < len(card.lines):
        raise ValueError("score: an item twice, or too many")
    found: Mapping[str, Any] = to_dict(card)
    return found


def whole(value: object, name: str) -> int:
    """A count or a time.

    Raises:
        ValueError: not a whole number from 0.
    """
    if type(value) is not int or not 0 <= value <= _MAX_WHOLE:
        raise ValueError(f"{name}: a whole number from 0")
    return value


def _check(noun: Any) -> None:
    for name, hint in _hints(typing.cast("Hashable", type(noun))):
        value = getattr(noun, name)
        if not _fits(hint, value) or (name in _NAMES and not _short(value)):
            raise ValueError(f"{type(noun).__name__}.{name}: not what belongs there")
    if isinstance(noun, CallInfo):
        for name in _LOOKED_UP:
            if not _short(noun.facts.get(name)):
                raise ValueError(f"CallInfo.facts: {name}: a name of at most {_MAX_NAME}")


def _short(value: Any) -> bool:
    """Whether this is a name (or several), of a length that can be looked up by."""
    if isinstance(value, tuple):
        return len(value) <= MAX_EVENTS and all(_short(item) for item in value)
    if isinstance(value, str):
        return len(value) <= _MAX_NAME
    return value is None or isinstance(value, bool | int | float)


@lru_cache
def _hints(kind: Hashable) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in fields(typing.cast("Any", kind)))


def _fits(hint: Any, value: Any) -> bool:  # noqa: PLR0911 - one line per sort of field
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_fits(kind, value) for kind in typing.get_args(hint))
    origin = typing.get_origin(hint)
    if origin is tuple:
        return all(_fits(typing.get_args(hint)[0], item) for item in value)
    if origin is typing.Literal:
        return value in typing.get_args(hint)
    if hint in (None, type(None)):
        return value is None
    if hint is float:
        most = _MAX_EXACT if type(value) is int else _MAX_NUMBER
        return type(value) in (int, float) and -most <= value <= most
    if isinstance(hint, type) and is_dataclass(hint):
        if not isinstance(value, hint):
            return False
        _check(value)
        return True
    if hint is int:
        return type(value) is int and abs(value) <= _MAX_WHOLE
    if hint in (str, bool) or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return isinstance(value, hint) and _plain(value)
    return isinstance(value, Mapping) and _plain(value)


def _plain(value: Any) -> bool:
    """JSON data of a sane size and depth, with finite numbers and text a database takes."""
    left = _MAX_SIZE
    waiting = [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        left -= 1
        if depth > _MAX_DEPTH or left < 0 or not _plain_value(value):
            return False
        if isinstance(value, Mapping):
            waiting += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list | tuple):
            waiting += [(item, depth + 1) for item in value]
    return True


def _plain_value(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _MAX_TEXT and "\0" not in value and _encodes(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return -_MAX_NUMBER <= value <= _MAX_NUMBER


def _encodes(text: str) -> bool:
    """Half a surrogate pair can be written in JSON, but is no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
