"""Events from other machines: nothing in them is taken on trust."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.events import CallInfo, Party, Token
from monitor.web import wire
from tests.browser import talk


def test_events_are_kept_to_the_types_of_their_fields() -> None:
    good = talk.data(Token(Party.AGENT, "好", "hao", 0, 200, 0.5))
    assert wire.event_of(good) == Token(Party.AGENT, "好", "hao", 0, 200, 0.5)
    for field, value in {
        "start_ms": "0",
        "end_ms": 2**40,
        "text": 5,
        "confidence": float("nan"),
        "party": "nobody",
        "alternatives": [{"syllable": 1, "probability": 0.5}],
        "unknown": 1,
    }.items():
        with pytest.raises(ValueError, match=r"\w"):
            wire.event_of({**good, field: value})
    for nothing in (None, [], "x", {"event": "nothing"}, {"event": "token"}):
        with pytest.raises(ValueError, match=r"\w"):
            wire.event_of(nothing)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(["call", "token", "alert", "script", "reading", "gap", "end"]), st.data())
def test_no_json_at_all_breaks_the_reader(kind: str, data: st.DataObject) -> None:
    names = {"party", "text", "start_ms", "end_ms", "id", "source", "parties", "facts", "at_ms"}
    drawn = data.draw(st.dictionaries(st.sampled_from(sorted(names)), _JSON))
    try:
        event = wire.event_of({"event": kind, **drawn})
    except ValueError:
        return
    assert wire.event_of(wire.data_of(event)) == event


def test_a_call_may_say_anything_of_itself() -> None:
    info = CallInfo("x", "x", (Party.AGENT,), facts={"a": [1, {"b": None}], "c": "字"})
    assert wire.event_of(wire.data_of(info)) == info
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    with pytest.raises(ValueError, match="facts"):
        wire.event_of({**wire.data_of(info), "facts": {"a": deep}})
