"""Running calls and those who watch them: the picture, the place in the call, coming back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.events import (
    Alert,
    AlertState,
    CallEnd,
    Event,
    Gap,
    Party,
    Reading,
    ScriptStatus,
    Speech,
)
from monitor.web import hub as hub_module
from monitor.web import snapshot as snapshot_module
from monitor.web.hub import Begun, Hub, LiveCall
from monitor.web.snapshot import Snapshot
from monitor.web.watch import Watcher
from monitor.web.wire import data_of
from tests.browser import talk

_PARTIES = st.sampled_from(Party)


def _call(call_id: int = 1, agent: str | None = "wang") -> LiveCall:
    return LiveCall(Begun(call_id, f"key-{call_id}", "call", agent, None, None, "2026-03-02"))


def _take(call: LiveCall, events: Sequence[Event], now_ms: int = 0) -> None:
    call.take(call.next_seq, [data_of(event) for event in events], now_ms)


@st.composite
def _talks(draw: st.DrawFn) -> list[Event]:
    """A call: turns, findings that change, scripts, readings, gaps, now and then cut short."""
    events: list[Event] = [talk.info()]
    at_ms = 0
    for _ in range(draw(st.integers(0, 12))):
        party = draw(_PARTIES)
        kind = draw(st.integers(0, 5))
        if kind == 0:
            events += talk.turn(party, draw(st.text("你好吗", min_size=1, max_size=4)), at_ms)
        elif kind == 1:
            state = draw(st.sampled_from(AlertState))
            events.append(talk.alert(draw(st.sampled_from("ab")), at_ms=at_ms, state=state))
        elif kind == 2:
            status = draw(st.sampled_from(ScriptStatus))
            events.append(talk.script(draw(st.sampled_from("xy")), status, at_ms))
        elif kind == 3:
            name = draw(st.sampled_from(["rate", "loudness"]))
            events.append(Reading(name, at_ms / 10, "dB", at_ms, at_ms + 10, party))
        elif kind == 4:
            events.append(Gap(party, at_ms, at_ms + 100, "lost"))
        else:
            events += talk.words(party, "再", at_ms)
        at_ms += 1000
    if draw(st.booleans()):
        events.append(CallEnd(at_ms))
    return events


@given(_talks())
def test_a_picture_of_a_picture_is_the_same(events: list[Event]) -> None:
    first, again = Snapshot(), Snapshot()
    for seq, event in enumerate(events):
        first.take(seq, data_of(event))
    for seq, data in enumerate(first.events()):
        again.take(seq, data)
    assert again.events() == first.events()
    assert list(again.alerts()) == list(first.alerts())


@given(_talks())
def test_a_picture_holds_every_turn_and_the_last_state_of_everything(events: list[Event]) -> None:
    picture = Snapshot()
    for seq, event in enumerate(events):
        picture.take(seq, data_of(event))
    shown = picture.events()
    turns = [data_of(event) for event in events if type(event).__name__ in ("Utterance", "Gap")]
    assert [event for event in shown if event["event"] in ("utterance", "gap")] == turns
    last: dict[str, Any] = {e.id: data_of(e) for e in events if isinstance(e, Alert)}
    assert {event["id"]: event for event in shown if event["event"] == "alert"} == last


def test_a_long_call_has_a_picture_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_module, "KEPT_TURNS", 5)
    picture = Snapshot()
    seq = 0
    for number in range(20):
        for event in talk.turn(Party.AGENT, "你好", number * 1000):
            picture.take(seq, data_of(event))
            seq += 1
    assert len(picture.events()) == 5
    assert picture.earlier == 15


def test_who_is_talking() -> None:
    call = _call()
    _take(call, [talk.info(), Speech(Party.AGENT, 0), Speech(Party.CUSTOMER, 0)])
    assert call.card()["talking"] == ["agent", "customer"]
    _take(call, [Speech(Party.AGENT, 0, 900)])
    assert call.card()["talking"] == ["customer"]
    _take(call, [CallEnd(1000)])
    assert call.card()["talking"] == []


def test_the_card_counts_what_stands() -> None:
    call = _call()
    _take(
        call,
        [
            talk.info(),
            talk.alert("a", at_ms=100),
            talk.alert("b", at_ms=200),
            talk.alert("b", at_ms=200, state=AlertState.RETRACTED),
            talk.script("hello", ScriptStatus.MET),
            talk.script("bye"),
            Gap(Party.AGENT, 0, 5, "lost"),
        ],
        now_ms=300,
    )
    card = call.card()
    assert card["alerts"] == {"tip": 0, "minor": 0, "major": 1, "fatal": 0}
    assert card["scripts"] == {"pending": 1, "met": 1, "missed": 0}
    assert card["last_alert"]["title"] == "a"
    assert (card["gaps"], card["now_ms"]) == (1, 300)


def test_events_that_came_before_count_once_and_a_hole_is_refused() -> None:
    call = _call()
    data = [data_of(event) for event in [talk.info(), *talk.turn(Party.AGENT, "你好", 0)]]
    assert call.take(0, data[:3], 0) == data[:3]
    assert call.take(1, data[1:], 0) == data[3:]
    assert call.take(0, data, 0) == []
    with pytest.raises(ValueError, match="due"):
        call.take(7, data, 0)
    assert call.next_seq == len(data)


def _read(watcher: Watcher) -> list[dict[str, Any]]:
    return [json.loads(text) for text in watcher.messages()]


class _Page:
    """What a page does with its messages: it knows each event once, in order."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.last_seq: int | None = None
        self.missed: list[tuple[int, int]] = []

    def apply(self, message: dict[str, Any]) -> None:
        if message["type"] == "events":
            assert self.last_seq is not None
            assert message["seq"] == self.last_seq + 1
            self.events += message["events"]
            self.last_seq += len(message["events"])
        elif message["type"] == "snapshot":
            self.events, self.last_seq = list(message["events"]), message["seq"] - 1
        elif message["type"] == "missed":
            self.missed.append((message["from"], message["to"]))

    def picture(self) -> list[Any]:
        fold = Snapshot()
        for seq, event in enumerate(self.events):
            fold.take(seq, event)
        return fold.events()


@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["read", "skip", "break"])), max_size=25),
    st.integers(3, 12),
)
def test_a_watcher_that_is_slow_or_comes_back_ends_with_the_whole_picture(
    steps: list[tuple[int, str]], recent: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_module, "RECENT", recent)
        call, page = _call(), _Page()
        _take(call, [talk.info()])
        watcher = Watcher(call, 7)
        for number, (count, what) in enumerate(steps):
            _take(call, talk.words(Party.AGENT, "好" * count, number * 5000), number * 5000)
            if what == "break":
                watcher = Watcher(call, 7, page.last_seq)
            if what != "skip":
                for message in _read(watcher):
                    page.apply(message)
        for message in _read(watcher):
            page.apply(message)
    assert page.last_seq == call.next_seq - 1
    assert page.picture() == call.picture.events()


def test_coming_back_tells_what_was_missed() -> None:
    call = _call()
    _take(call, [talk.info(), *talk.words(Party.AGENT, "你好", 0)])
    list(Watcher(call, 7).messages())
    _take(call, [talk.alert("a", at_ms=500)], 500)
    missed, events = _read(Watcher(call, 7, last_seq=2))[:2]
    assert missed == {"type": "missed", "call": 1, "from": 3, "to": 4}
    assert (events["type"], events["replay"], events["seq"]) == ("events", True, 3)
    assert events["events"][0]["id"] == "a"


def test_coming_back_to_nothing_new_is_no_replay() -> None:
    call = _call()
    _take(call, [talk.info()], 2000)
    watcher = Watcher(call, 7, last_seq=0)
    assert [message["type"] for message in _read(watcher)] == ["tick"]
    _take(call, [talk.alert("a")], 2100)
    (news,) = _read(watcher)
    assert (news["type"], news["replay"]) == ("events", False)


def test_too_long_away_gets_the_picture_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "RECENT", 3)
    call = _call()
    _take(call, [talk.info(), *talk.turn(Party.AGENT, "一二三四五", 0)])
    messages = _read(Watcher(call, 7, last_seq=0))
    assert [message["type"] for message in messages[:2]] == ["missed", "snapshot"]
    assert messages[1]["seq"] == call.next_seq


def test_a_page_that_knows_more_than_a_restarted_server_gets_the_picture() -> None:
    call = _call()
    _take(call, [talk.info()])
    assert _read(Watcher(call, 7, last_seq=40))[0]["type"] == "snapshot"


def test_the_tail_is_shown_until_its_words_are_committed() -> None:
    call = _call()
    _take(call, [talk.info()])
    watcher = Watcher(call, 7)
    list(watcher.messages())
    call.tail(data_of(talk.tail(Party.AGENT, "您", 100)))
    (partial,) = _read(watcher)
    assert (partial["type"], partial["text"], partial["party"]) == ("partial", "您", "agent")
    _take(call, talk.words(Party.AGENT, "您", 0))
    assert call.tails == {}


def test_the_end_and_a_lost_sender_are_told_once() -> None:
    hub = Hub()
    call = hub.open(_call().begun)
    _take(call, [talk.info()])
    watcher = Watcher(call, 7)
    list(watcher.messages())
    hub.connect(call, False)
    assert _read(watcher) == [{"type": "source", "call": 1, "connected": False}]
    hub.end(call, "interrupted")
    assert _read(watcher) == [{"type": "end", "call": 1, "status": "interrupted"}]
    assert watcher.done
    assert _read(watcher) == []


def test_an_agents_newest_call_is_the_one_they_are_in() -> None:
    hub = Hub()
    first, second = hub.open(_call(1).begun), hub.open(_call(2).begun)
    hub.open(_call(3, "li").begun)
    assert hub.newest("wang") is second
    hub.end(second, "complete")
    assert hub.newest("wang") is first
    hub.forget(first)
    assert hub.newest("wang") is None
    assert hub.newest(None) is None


def test_thumbs_come_with_the_picture_of_whose_they_are() -> None:
    call = _call()
    _take(call, [talk.info(), talk.alert("a")])
    call.thumbs[7] = {"a": -1}
    assert _read(Watcher(call, 7))[0]["thumbs"] == {"a": -1}
    assert _read(Watcher(call, 8))[0]["thumbs"] == {}
