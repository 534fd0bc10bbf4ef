"""Figures of dashboards and reports equal what counting the rows one by one gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.quality.periods import Span, period, span_of
from monitor.quality.reports import service, totals
from monitor.quality.reports.totals import Totals
from monitor.quality.sampling import review_queue
from monitor.quality.scope import OVER, Scope
from monitor.store import Store
from monitor.store.schema import Alert, Call, Reading, Scorecard, Script, User, now
from tests.qa import made

_ZONE = timezone(timedelta(hours=8))
_SPAN = Span(date(2026, 10, 25), date(2026, 11, 20))


@pytest.fixture
def filled(store: Store) -> Store:
    with store.session() as session:
        reviewer = User(name="qa", role="qa", created_at=now(), display="")
        session.add(reviewer)
        session.flush()
        made.fill(session, 80, reviewer=reviewer)
    return store


def _calls(session: Session, scope: Scope) -> list[Call]:
    """The calls of a scope, told one by one."""
    first, last = (
        datetime(d.year, d.month, d.day, tzinfo=_ZONE) for d in (scope.span.since, scope.span.until)
    )
    found = []
    for call in session.scalars(select(Call)):
        inside = first <= call.started_at < last and call.status in OVER
        for name in ("agent", "queue", "direction", "tier"):
            wanted = getattr(scope, name)
            if wanted is not None:
                inside &= getattr(call, name) == (wanted or None)
        if scope.rule is not None:
            inside &= any(a.rule == scope.rule for a in _alerts(session, call))
        if inside:
            found.append(call)
    return found


def _alerts(session: Session, call: Call) -> list[Alert]:
    rows = session.scalars(select(Alert).where(Alert.call_id == call.id))
    return [alert for alert in rows if alert.state != "retracted"]


def _human(session: Session, call: Call) -> float | None:
    cards = session.scalars(select(Scorecard).where(Scorecard.call_id == call.id))
    marks = [card.total for card in cards if card.status == "final" and card.total is not None]
    return sum(marks) / len(marks) if marks else None


def _final(session: Session, call: Call) -> float | None:
    """The score that counts; nobody judged a call twice here."""
    human = _human(session, call)
    return call.score if human is None else human


_SCOPES = [
    Scope(_SPAN, _ZONE),
    Scope(_SPAN, _ZONE, agent="wang"),
    Scope(_SPAN, _ZONE, agent="", direction="inbound"),
    Scope(_SPAN, _ZONE, queue="投诉", tier="金卡"),
    Scope(_SPAN, _ZONE, rule="unicom-forbidden-03"),
    Scope(span_of(date(2019, 1, 1), "month"), _ZONE),
]


@pytest.mark.parametrize("scope", _SCOPES)
def test_totals(filled: Store, scope: Scope) -> None:
    with filled.reading() as session:
        found = totals.totals(session, scope)
        calls = _calls(session, scope)
        human = [mark for call in calls if (mark := _human(session, call)) is not None]
        assert found.calls == len(calls)
        assert found.duration_ms == sum(call.duration_ms for call in calls)
        scores = [call.score for call in calls if call.score is not None]
        assert found.machine_score == pytest.approx(sum(scores) / len(scores) if scores else None)
        final = [s for call in calls if (s := _final(session, call)) is not None]
        assert found.score == pytest.approx(sum(final) / len(final) if final else None)
        assert found.settled == len(human)
        assert found.human_score == pytest.approx(sum(human) / len(human) if human else None)
        alerts = [alert for call in calls for alert in _alerts(session, call)]
        severities = Counter(alert.severity for alert in alerts)
        assert (found.fatal, found.major, found.minor, found.tip) == tuple(
            severities[name] for name in ("fatal", "major", "minor", "tip")
        )
        fatal = {alert.call_id for alert in alerts if alert.severity == "fatal"}
        judged = {call.id for call in calls if _human(session, call) is not None}
        assert found.fatal_calls == len(fatal - judged)  # no card here has a fatal item
        due = [s for call in calls for s in _scripts(session, call) if s.state != "pending"]
        met = sum(script.state == "met" for script in due)
        assert (found.met, found.missed) == (met, len(due) - met)
        hours = sum(call.duration_ms for call in calls) / 3_600_000
        hits = severities.total() - severities["tip"]
        assert found.hits_per_hour == pytest.approx(hits / hours if hours else None)
        differences = [m - c.score for c in calls if (m := _human(session, c)) and c.score]
        expected = sum(differences) / len(differences) if differences else None
        assert found.human_less_machine == pytest.approx(expected)


def _scripts(session: Session, call: Call) -> list[Script]:
    return list(session.scalars(select(Script).where(Script.call_id == call.id)))


@pytest.mark.parametrize("by", ["agent", "queue", "direction", "tier", "grade"])
def test_groups_add_up_to_the_totals(filled: Store, by: Any) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.reading() as session:
        groups = totals.grouped(session, scope, by)
        column = "final_grade" if by == "grade" else by
        counts = Counter(getattr(call, column) or "" for call in _calls(session, scope))
        assert {name: sums.calls for name, sums in groups} == counts
        _same(sum((sums for _, sums in groups), Totals()), totals.totals(session, scope))


def test_grades_come_best_first(filled: Store) -> None:
    with filled.session() as session:
        session.scalars(select(Call)).first().grade = ""  # type: ignore[union-attr]
        found = [name for name, _ in totals.grades(session, Scope(_SPAN, _ZONE))]
    assert found[:3] == ["优秀", "良好", "合格"]
    assert found[3:] in ([], [""])


@pytest.mark.parametrize("per", ["day", "week", "month"])
def test_a_trend_counts_calls_on_the_days_of_its_zone(filled: Store, per: Any) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.reading() as session:
        rows = totals.trend(session, scope, per)
        counts = Counter(
            period(call.started_at.astimezone(_ZONE), per) for call in _calls(session, scope)
        )
        assert {name: sums.calls for name, sums in rows if sums.calls} == counts
        days = [_SPAN.since + timedelta(days=n) for n in range(_SPAN.days)]
        assert [name for name, _ in rows] == list(dict.fromkeys(period(d, per) for d in days))
        _same(sum((sums for _, sums in rows), Totals()), totals.totals(session, scope))


def _same(one: Totals, other: Totals) -> None:
    for name in Totals.__dataclass_fields__:
        assert getattr(one, name) == pytest.approx(getattr(other, name)), name


def test_days_are_those_of_the_zone_to_the_quarter_of_an_hour(store: Store) -> None:
    nepal = timezone(timedelta(hours=5, minutes=45))
    with store.session() as session:
        made.fill(session, 2)
        early, late = session.scalars(select(Call).order_by(Call.id)).all()
        early.started_at = datetime(2026, 11, 1, 18, 14, 59, tzinfo=UTC)
        late.started_at = datetime(2026, 11, 1, 18, 15, tzinfo=UTC)
        early.status = late.status = "complete"
    span = Span(date(2026, 11, 1), date(2026, 11, 3))
    with store.reading() as session:
        rows = totals.trend(session, Scope(span, nepal), "day")
    assert [(name, sums.calls) for name, sums in rows] == [("2026-11-01", 1), ("2026-11-02", 1)]


def test_hours_of_the_day(filled: Store) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.reading() as session:
        counts = Counter(call.started_at.astimezone(_ZONE).hour for call in _calls(session, scope))
        found = [sums.calls for sums in totals.hours_of_day(session, scope)]
    assert found == [counts[hour] for hour in range(24)]


def test_the_distribution_of_scores(filled: Store) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.reading() as session:
        scores = [s for c in _calls(session, scope) if (s := _final(session, c)) is not None]
        counts = Counter(min(9, int(score // 10)) for score in scores)
        assert totals.distribution(session, scope) == [counts[n] for n in range(10)]


def test_rules_and_common_problems(filled: Store) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.reading() as session:
        calls = _calls(session, scope)
        hits: Counter[str] = Counter()
        agents: dict[str, set[str]] = defaultdict(set)
        inside: dict[str, set[int]] = defaultdict(set)
        for call in calls:
            for alert in _alerts(session, call):
                hits[alert.rule] += 1
                inside[alert.rule].add(call.id)
                if call.agent:
                    agents[alert.rule].add(call.agent)
        found = totals.rules(session, scope)
        assert {rule.rule: rule.hits for rule in found} == hits
        assert {r.rule: (r.calls, r.agents) for r in found} == {
            rule: (len(inside[rule]), len(agents[rule])) for rule in hits
        }
        assert [rule.hits for rule in found] == sorted(hits.values(), reverse=True)
        everybody = len({call.agent for call in calls if call.agent})
        least = max(3, -(-everybody // 3))
        common = {rule.rule for rule in totals.spread(session, scope)}
        assert common == {rule for rule in hits if len(agents[rule]) >= least}
        before = totals.rules(session, scope.before())
        changes = totals.changes(found, before)
        earlier = {rule.rule: rule.hits for rule in before}
        assert changes == {rule: hits[rule] - earlier.get(rule, 0) for rule in hits}


def test_script_completion(filled: Store) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.reading() as session:
        due = [s for call in _calls(session, scope) for s in _scripts(session, call)]
        met = Counter(script.rule for script in due if script.state == "met")
        missed = Counter(script.rule for script in due if script.state == "missed")
        found = {row.rule: (row.met, row.missed) for row in totals.scripts(session, scope)}
        assert found == {rule: (met[rule], missed[rule]) for rule in met | missed}


def test_service_figures_count_only_calls_with_data(filled: Store) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.session() as session:
        odd = _calls(session, scope)[0]
        odd.facts = {"wait_s": "soon", "resolved": "maybe"}
    with filled.reading() as session:
        facts = [call.facts for call in _calls(session, scope)]
        waits = [f["wait_s"] for f in facts if isinstance(f.get("wait_s"), float)]
        marks = [f["satisfaction"] for f in facts if "satisfaction" in f]
        solved = [f["resolved"] for f in facts if isinstance(f.get("resolved"), bool)]
        found = {rate.name: rate for rate in service.rates(session, scope)}
        answer = found["answer"]
        assert answer.value == pytest.approx(sum(w <= 20 for w in waits) / len(waits))
        assert answer.calls == len(waits)
        assert found["satisfaction"].value == pytest.approx(sum(marks) / len(marks))
        assert found["resolved"].value == pytest.approx(sum(solved) / len(solved))
        assert (found["recorded"].value, found["recorded"].calls) == (None, 0)


def test_what_calls_were_about_how_long_and_how_many_more(filled: Store) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.reading() as session:
        lengths: dict[str, list[int]] = defaultdict(list)
        for call in _calls(session, scope):
            if "category" in call.facts:
                lengths[call.facts["category"]].append(call.duration_ms)
        earlier = Counter(
            c.facts["category"] for c in _calls(session, scope.before()) if "category" in c.facts
        )
        found = service.categories(session, scope)
        assert found
        assert [one.calls for one in found] == sorted(map(len, lengths.values()), reverse=True)
        for one in found:
            own = lengths[one.name]
            assert (one.calls, one.change) == (len(own), len(own) - earlier[one.name])
            assert one.average_s == pytest.approx(sum(own) / len(own) / 1000)


def test_how_agents_speak(filled: Store) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.reading() as session:
        rates: dict[str, list[float]] = defaultdict(list)
        for call in _calls(session, scope):
            rows = session.scalars(select(Reading).where(Reading.call_id == call.id))
            if call.agent:
                rates[call.agent] += [r.value for r in rows if r.name == "speech_rate"]
        found = {row.agent: row for row in service.delivery(session, scope)}
        assert found.keys() == rates.keys()
        for agent, values in rates.items():
            assert found[agent].turns == len(values)
            assert found[agent].rate == pytest.approx(sum(values) / len(values))
            inside = sum(120 <= value <= 160 for value in values)
            assert found[agent].in_band == pytest.approx(inside / len(values))


def test_coverage(filled: Store) -> None:
    scope = Scope(_SPAN, _ZONE)
    with filled.session() as session:
        calls = [call for call in _calls(session, scope) if call.agent]
        for call in calls[:10]:
            session.add(
                review_queue.Task(
                    call_id=call.id,
                    status="done" if call.id % 2 else "open",
                    reason="",
                    priority=0.0,
                    drawn_at=now(),
                )
            )
    with filled.reading() as session:
        drawn = Counter(call.agent for call in calls[:10])
        done = Counter(call.agent for call in calls[:10] if call.id % 2)
        every = Counter(call.agent for call in calls)
        rows = review_queue.coverage(session, scope)
    assert {row.agent: (row.calls, row.drawn, row.done) for row in rows} == {
        agent: (count, drawn[agent], done[agent]) for agent, count in every.items()
    }
