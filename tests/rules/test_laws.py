"""Laws that hold for every call: the outcome depends on what was said when, and on nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from monitor.base.call_record import CallRecord, to_json
from monitor.events import (
    Alert,
    CallEnd,
    Event,
    Party,
    Reading,
    ScriptState,
    ScriptStatus,
    Speech,
    Spotted,
    Token,
    Utterance,
)
from monitor.rules import Rulebook, load
from monitor.rules.engine.session import RuleSession
from monitor.rules.tools.replay import KnownCall, from_json, grown, replay

from .conftest import Outcome, call_of, run

LAWS = Path(__file__).with_name("laws.yaml")
MORE = LAWS.with_name("laws_more.yaml")
BOOK = load([LAWS])
AGAIN = load([LAWS])
BOTH = (load([LAWS, MORE]), load([MORE, LAWS]))
PATTERNS = {party: [s.text for s in BOOK.sought[party] if s.tell] for party in Party}
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_AGENT = ["你有没有搞错", "你说吧", "没办法", "就这样吧", "请问有什么可以帮您", "对不起",
          "感谢您的来电", "一三八零零一三八零零零", "我帮您查一下"]  # fmt: skip
_CUSTOMER = ["我要投诉", "气死我了", "我的电话是13800138000", "好的", "没办法", "你有没有搞错"]


@st.composite
def calls(draw: st.DrawFn) -> KnownCall:
    """A dialogue of the words the rules wait for, with pauses, overlaps and a late hang-up."""
    turns: list[dict[str, Any]] = []
    at = 0.0
    for _ in range(draw(st.integers(0, 9))):
        party = draw(st.sampled_from(["agent", "customer"]))
        text = draw(st.sampled_from(_AGENT if party == "agent" else _CUSTOMER))
        at += draw(st.sampled_from([0.3, 0.5, 1.0, 2.5, 5.0, 9.0]))
        turns.append({"at": round(at, 1), party: text})
        at += 0.2 * len(text) if draw(st.booleans()) else 0.4  # else the next one talks over it
    by_party: dict[str, float] = {}
    for turn in turns:  # nobody talks over himself
        party = "agent" if "agent" in turn else "customer"
        assume(turn["at"] >= by_party.get(party, 0.0))
        by_party[party] = turn["at"] + 0.2 * len(str(turn[party])) + 0.4
    end = max([at, *by_party.values()]) + draw(st.sampled_from([0.5, 3.0, 12.0]))
    more = {"released_by": "agent"} if draw(st.booleans()) else {}
    call = call_of(*turns, end=round(end, 1), **more)
    heard = tuple(draw(spotted_in(utterance)) for utterance in call.utterances)
    return replace(call, utterances=heard)


@st.composite
def spotted_in(draw: st.DrawFn, utterance: Utterance) -> Utterance:
    """The turn with up to two patterns spotted in it, right or wrong, at once or a little later."""
    tokens = utterance.tokens
    found = []
    for _ in range(draw(st.integers(0, 2)) if PATTERNS[utterance.party] else 0):
        first = draw(st.integers(0, len(tokens) - 1))
        last = draw(st.integers(first, len(tokens) - 1))
        known = min(last + draw(st.integers(0, 4)), len(tokens) - 1)
        found.append(
            Spotted(
                utterance.party,
                draw(st.sampled_from(PATTERNS[utterance.party])),
                tokens[first].start_ms,
                tokens[last].end_ms,
                tokens[known].end_ms,
                -0.5,
                -1.0,
            )
        )
    return replace(utterance, spotted=tuple(sorted(found, key=lambda f: f.at_ms)))


def in_order(utterance: Utterance) -> list[Event]:
    """The turn as it was heard: each find after the tokens known by then."""
    events: list[Event] = []
    finds = list(utterance.spotted)
    for token in utterance.tokens:
        while finds and finds[0].at_ms <= token.start_ms:
            events.append(finds.pop(0))
        events.append(token)
    return [*events, *finds, utterance]


def outcome_key(outcome: Outcome) -> list[str]:
    return sorted(repr(o) for o in outcome)


@st.composite
def deliveries(draw: st.DrawFn, call: KnownCall) -> tuple[list[Event], int]:
    """The call's events in some order that keeps each party's own, and how often to settle."""
    lines: dict[Party, list[Event]] = {party: [] for party in Party}
    for utterance in sorted(call.utterances, key=lambda u: u.start_ms):
        lines[utterance.party] += in_order(utterance)
    order: list[Event] = []
    while all(lines.values()):
        party = draw(st.sampled_from(Party))
        count = draw(st.integers(1, 12))
        order += lines[party][:count]
        del lines[party][:count]
    return order + lines[Party.AGENT] + lines[Party.CUSTOMER], draw(st.integers(1, 9))


def deliver(book: Rulebook, call: KnownCall, order: list[Event], every: int) -> Outcome:
    """Feed in that order; after every few events settle as far as what is still to come allows."""
    session = RuleSession(book, call.info)
    out = session.start()
    readings = sorted(grown(call.readings), key=lambda r: r.end_ms)
    for number, event in enumerate(order):
        out += session.feed(event)
        if number % every:
            continue
        settled = dict.fromkeys(Party, call.end.duration_ms)
        for later in order[number + 1 :]:
            if isinstance(later, Token | Spotted | Utterance):
                settled[later.party] = min(settled[later.party], _known_by(later))
        while readings and readings[0].end_ms <= min(settled.values()):
            out += session.feed(readings.pop(0))
        out += session.settle(settled)
    for reading in readings:
        out += session.feed(reading)
    return out + session.finish(call.end)


def _known_by(event: Token | Spotted | Utterance) -> int:
    match event:
        case Token():
            return event.start_ms
        case Spotted():
            return event.at_ms
        case Utterance():
            return event.end_ms


@QUICK
@given(st.data())
def test_neither_the_order_across_parties_nor_the_settling_matters(data: st.DataObject) -> None:
    call = data.draw(calls())
    order, every = data.draw(deliveries(call))
    assert outcome_key(deliver(BOOK, call, order, every)) == outcome_key(replay(BOOK, call))


@QUICK
@given(calls())
def test_replay_from_json_gives_the_original_alerts(call: KnownCall) -> None:
    record = CallRecord()
    events: list[Event] = [call.info, *call.utterances, *grown(call.readings), call.end]
    record(events + list(replay(BOOK, call)))
    stored = json.loads(json.dumps(to_json(record)))
    again = replay(BOOK, from_json(stored))
    assert outcome_key(again) == outcome_key(replay(BOOK, call))


@QUICK
@given(calls())
def test_the_order_of_packs_does_not_matter(call: KnownCall) -> None:
    one, other = BOTH
    assert outcome_key(replay(one, call)) == outcome_key(replay(other, call))
    assert one.digest == other.digest


@QUICK
@given(calls(), st.integers(0, 40_000))
def test_reloading_the_same_rules_changes_nothing(call: KnownCall, at_ms: int) -> None:
    session = RuleSession(BOOK, call.info)
    out = session.start()
    reloaded = False
    events = sorted(
        [token for u in call.utterances for token in u.tokens], key=lambda t: (t.start_ms, t.party)
    )
    plain = RuleSession(BOOK, call.info)
    expected = plain.start()
    for token in events:
        if not reloaded and token.start_ms >= at_ms:
            session.reload(AGAIN)
            reloaded = True
        out += session.feed(token)
        expected += plain.feed(token)
    assert outcome_key(out + session.finish(call.end)) == outcome_key(
        expected + plain.finish(call.end)
    )


WINDOWS = """
situations:
  投诉: {said: [我要投诉], party: customer}
  半途: {silent: %(half)dms, party: agent, after: 投诉, within: %(half)dms}
rules:
  - {id: whole, title: 整段, never: [没办法], after: 投诉, within: %(whole)dms}
  - {id: first, title: 前段, never: [没办法], after: 投诉, within: %(half)dms}
  - {id: second, title: 后段, never: [没办法], after: 投诉, within: %(whole)dms,
     except: [{after: 投诉, within: %(half)dms}]}
  - {id: must-whole, title: 整段, must: [对不起], after: 投诉, within: %(whole)dms}
  - {id: must-first, title: 前段, must: [对不起], after: 投诉, within: %(half)dms}
"""


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    half=st.integers(500, 6000),
    rest=st.integers(500, 6000),
    said=st.integers(200, 14_000),
)
def test_splitting_a_window_splits_what_falls_into_it(
    tmp_path: Path, half: int, rest: int, said: int
) -> None:
    """(a, c] is (a, b] and (b, c]: a phrase in the whole is in exactly one of the parts."""
    file = tmp_path / "windows.yaml"
    head = 'pack: windows\ntitle: 窗口\nversion: "1"\n'
    file.write_text(head + WINDOWS % {"half": half, "whole": half + rest}, encoding="utf-8")
    book = load([file])
    turns = [{"at": 1.0, "customer": "我要投诉"}, {"at": 2.0 + said / 1000, "agent": "没办法"}]
    found = {o.rule for o in run(book, *turns, end=40.0) if isinstance(o, Alert)}
    assert ("whole" in found) == ("first" in found or "second" in found)
    assert not {"first", "second"} <= found
    met = {
        o.rule
        for o in run(book, turns[0], {"at": 2.0 + said / 1000, "agent": "对不起"}, end=40.0)
        if isinstance(o, ScriptState) and o.status is ScriptStatus.MET
    }
    assert ("must-first" in met) <= ("must-whole" in met)


@QUICK
@given(calls())
def test_every_required_script_is_decided_by_the_end(call: KnownCall) -> None:
    last: dict[tuple[str, int], ScriptStatus] = {}
    for event in replay(BOOK, call):
        if isinstance(event, ScriptState):
            last[event.rule, event.occurrence] = event.status
    assert ScriptStatus.PENDING not in last.values()


@QUICK
@given(calls())
def test_nothing_is_missed_before_its_deadline_was_heard(call: KnownCall) -> None:
    session = RuleSession(BOOK, call.info)
    session.start()
    for token in sorted(
        [token for u in call.utterances for token in u.tokens], key=lambda t: t.start_ms
    ):
        known = dict.fromkeys(Party, token.start_ms)
        for event in session.settle(known):
            if isinstance(event, ScriptState) and event.status is ScriptStatus.MISSED:
                assert event.at_ms < token.start_ms
        session.feed(token)


@pytest.mark.parametrize("event", [Speech(Party.AGENT, 0), Reading("loudness", 1, "dBFS", 0, 5)])
def test_events_no_rule_asks_for_change_nothing(event: Event) -> None:
    call = call_of({"agent": "您好"})
    session = RuleSession(BOOK, call.info)
    session.start()
    assert session.feed(event) == []
    assert CallEnd(0) != event
