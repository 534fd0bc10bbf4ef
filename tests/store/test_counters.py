"""Counts are true: every stored counter of a call is what its events say, whatever the order and
however they are cut into batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.events import Alert, AlertState, CallEnd, Event, Gap, Party, ScriptStatus, Severity
from monitor.store import Store, ingest
from monitor.store.schema import NOT_COUNTED, Call
from tests.browser import talk

_ALERTS = st.builds(
    lambda number, state: talk.alert(
        f"a{number}",
        severity=list(Severity)[number % 4],  # an alert keeps its severity
        state=state,
    ),
    st.integers(0, 7),
    st.sampled_from(AlertState),
)
_SCRIPTS = st.builds(talk.script, st.sampled_from("xyz"), st.sampled_from(ScriptStatus), st.just(1))
_GAPS = st.builds(Gap, st.sampled_from(Party), st.just(0), st.just(1), st.just("test"))
_EVENTS = st.lists(st.one_of(_ALERTS, _SCRIPTS, _GAPS), max_size=30)


def _expected(events: Sequence[Event]) -> Counter[str]:
    alerts = {event.id: event for event in events if isinstance(event, Alert)}
    scripts = {event.rule: event.status for event in events if not isinstance(event, Alert | Gap)}
    counted = Counter(
        f"alerts_{alert.severity.value}"
        for alert in alerts.values()
        if alert.state.value not in NOT_COUNTED
    )
    counted.update(
        f"scripts_{status.value}"
        for status in scripts.values()
        if status in (ScriptStatus.MET, ScriptStatus.MISSED)
    )
    counted["gaps"] = sum(isinstance(event, Gap) for event in events)
    return counted


_NUMBER = iter(range(10**9))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=_EVENTS, cuts=st.lists(st.integers(0, 30), max_size=4))
def test_every_counter_is_what_the_events_say(
    store: Store, events: list[Event], cuts: list[int]
) -> None:
    with store.session() as session:
        number = ingest.begin_call(session, f"key-{next(_NUMBER)}")
    bounds = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for first, last in pairwise(bounds):
        with store.session() as session:
            batch = [(event, 0) for event in events[first:last]]
            ingest.append_events(session, number, first, batch)
    expected = _expected(events)
    with store.reading() as session:
        call = session.get_one(Call, number)
        names = [
            *(f"alerts_{level.value}" for level in Severity),
            "scripts_met", "scripts_missed", "gaps",
        ]  # fmt: skip
        assert {name: getattr(call, name) for name in names} == {
            name: expected[name] for name in names
        }


def test_a_retracted_fatal_alert_counts_no_more(store: Store, tmp_path: Path) -> None:
    raised = talk.alert("a", severity=Severity.FATAL)
    retracted = talk.alert("a", severity=Severity.FATAL, state=AlertState.RETRACTED)
    with store.session() as session:
        number = ingest.begin_call(session, "key-of-a-call")
        ingest.append_events(session, number, 0, [(talk.info(), 0), (raised, 1)])
        assert session.get_one(Call, number).is_fatal
        ingest.append_events(session, number, 2, [(retracted, 2), (CallEnd(3), 3)])
        call = session.get_one(Call, number)
        assert (call.alerts_fatal, call.is_fatal) == (0, False)
