"""Every noun survives a round trip through one JSON line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import events
from monitor.events import Alternative, Event, Party, Reading, Token, Utterance

_TIMES = st.integers(0, 36_000_000)
_PARTIES = st.sampled_from(Party)
_UNIT = st.floats(0, 1)
_TOKENS = st.builds(
    Token,
    party=_PARTIES,
    text=st.text(min_size=1, max_size=4),
    syllable=st.sampled_from(["ni", "nv", ""]),
    start_ms=_TIMES,
    end_ms=_TIMES,
    confidence=_UNIT,
    alternatives=st.lists(
        st.builds(Alternative, syllable=st.just("li"), probability=_UNIT), max_size=2
    ).map(tuple),
)
_DETAIL = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=5,
    ),
    max_size=3,
)
_SPOTTED = st.builds(
    events.Spotted,
    party=_PARTIES,
    phrase=st.text(max_size=5),
    start_ms=_TIMES,
    end_ms=_TIMES,
    at_ms=_TIMES,
    score=st.floats(-20, 0),
    limit=st.floats(-20, 0),
)
_EVENTS = st.one_of(
    _TOKENS,
    _SPOTTED,
    st.builds(events.Speech, party=_PARTIES, start_ms=_TIMES, end_ms=st.none() | _TIMES),
    st.builds(events.Partial, party=_PARTIES, text=st.text(), at_ms=_TIMES),
    st.builds(
        Utterance,
        party=_PARTIES,
        start_ms=_TIMES,
        end_ms=_TIMES,
        tokens=st.lists(_TOKENS, max_size=3).map(tuple),
        spotted=st.lists(_SPOTTED, max_size=2).map(tuple),
    ),
    st.builds(
        events.Alert,
        id=st.text(),
        rule=st.text(),
        title=st.text(),
        family=st.text(),
        severity=st.sampled_from(events.Severity),
        party=_PARTIES,
        start_ms=_TIMES,
        end_ms=_TIMES,
        at_ms=_TIMES,
        quote=st.text(),
        similarity=_UNIT,
        state=st.sampled_from(events.AlertState),
        evidence=_DETAIL,
    ),
    st.builds(
        events.ScriptState,
        rule=st.text(),
        title=st.text(),
        status=st.sampled_from(events.ScriptStatus),
        at_ms=_TIMES,
        evidence=_DETAIL,
    ),
    st.builds(
        Reading,
        name=st.text(),
        value=st.floats(allow_nan=False, allow_infinity=False),
        unit=st.text(),
        start_ms=_TIMES,
        end_ms=_TIMES,
        party=st.none() | _PARTIES,
    ),
    st.builds(events.Gap, party=_PARTIES, start_ms=_TIMES, end_ms=_TIMES, reason=st.text()),
    st.builds(
        events.CallInfo,
        id=st.text(),
        source=st.text(),
        parties=st.lists(_PARTIES, max_size=2).map(tuple),
        packs=st.lists(st.text(), max_size=2).map(tuple),
        facts=_DETAIL,
    ),
    st.builds(events.CallEnd, duration_ms=_TIMES, released_by=st.none() | st.text()),
)


@given(_EVENTS)
def test_an_event_round_trips_through_one_json_line(event: Event) -> None:
    line = events.to_json(event)
    assert "\n" not in line
    assert events.from_json(line) == event


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("[]", "not an event"),
        ('{"event": "weather"}', "not an event"),
        ('{"event": "gap", "colour": 1}', "no field 'colour'"),
        ('{"event": "gap", "party": "agent"}', "missing"),
        ('{"event": "partial", "party": "ghost", "text": "", "at_ms": 0}', "ghost"),
        ("{", "Expecting"),
    ],
)
def test_what_is_not_an_event_is_refused(line: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        events.from_json(line)


def test_a_kind_is_named_first() -> None:
    assert next(iter(json.loads(events.to_json(events.CallEnd(5))))) == "event"
