"""From an agent's objection to the corrected score, in both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from monitor.base.errors import UserError
from monitor.quality.review import appeals, findings
from monitor.quality.review.appeal_policy import AppealPolicy
from monitor.quality.review.rescoring import rescore
from monitor.quality.rules.precision_by_rule import rule_figures
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.form import Answer
from monitor.quality.tables import Appeal
from monitor.rules.scorecard import ItemStatus
from monitor.store import Store
from monitor.store.schema import Alert, Call, Pack, Scorecard, Script, User, now
from tests.review.conftest import BAD, GOOD, Keep


def _alert(store: Store, call_id: int, rule: str, number: int = 0) -> int:
    with store.reading() as session:
        query = select(Alert.id).where(Alert.call_id == call_id, Alert.rule == rule)
        return list(session.scalars(query.order_by(Alert.id)))[number]


def _file(store: Store, call_id: int, alert: int, who: User) -> int:
    with store.session() as session:
        call = session.get_one(Call, call_id)
        return appeals.file(session, call, alert, "客户先这么说的", who, now()).id


def _decide(store: Store, number: int, upheld: bool, who: User) -> Appeal:
    with store.session() as session:
        appeal = session.get_one(Appeal, number)
        appeals.decide(session, appeal, upheld, "听过录音", who, now())
    return appeal


def test_an_upheld_appeal_is_a_verdict_and_a_new_score(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD}, {"customer": "什么"}, {"agent": BAD})
    number = _file(store, call_id, _alert(store, call_id, "who"), people["wang"])
    appeal = _decide(store, number, True, people["trainer"])
    assert (appeal.state, appeal.score_before, appeal.score_after) == ("upheld", 80.0, 90.0)
    with store.reading() as session:
        call = session.get_one(Call, call_id)
        assert call.score == 80.0  # what the machine said stays what it said
        card = session.get_one(Scorecard, appeal.scorecard_id)
        assert (card.purpose, card.status, card.total) == ("appeal", "final", 90.0)
        assert card.author_id == people["trainer"].id
        assert {line.item: line.times for line in card.lines}["who"] == 1
        first, second = (f for f in findings.findings(session, call) if f.rule == "who")
        assert first.judged is not None
        assert first.judged.verdict == "wrong"
        assert "听过录音" in first.judged.reason
        assert second.judged is None
    other = _file(store, call_id, _alert(store, call_id, "who", 1), people["wang"])
    assert _decide(store, other, True, people["trainer"]).score_after == 100.0


def test_a_rejected_appeal_changes_no_score(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    number = _file(store, call_id, _alert(store, call_id, "who"), people["wang"])
    appeal = _decide(store, number, False, people["qa"])
    assert (appeal.state, appeal.score_after, appeal.scorecard_id) == ("rejected", None, None)
    with store.reading() as session:
        [said] = findings.latest(session, call_id).values()
        assert said.verdict == "right"
        assert session.scalars(select(Scorecard).where(Scorecard.purpose == "appeal")).all() == []


def test_a_missed_script_is_forgiven_with_its_alert(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": "喂你说吧"}, {"customer": "我要查话费"})
    number = _file(store, call_id, _alert(store, call_id, "opening"), people["wang"])
    appeal = _decide(store, number, True, people["qa"])
    assert (appeal.score_before, appeal.score_after) == (60.0, 100.0)


def test_what_an_upheld_appeal_struck_out_is_counted_nowhere(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": "喂你说吧"}, {"agent": BAD}, {"customer": "什么"}, {"agent": BAD})
    with store.reading() as session:
        call = session.get_one(Call, call_id)
        severity = session.get_one(Alert, _alert(store, call_id, "who")).severity
        before = getattr(call, f"alerts_{severity}")
        assert (call.scripts_missed, before > 0) == (1, True)
    for rule in ("opening", "who"):
        number = _file(store, call_id, _alert(store, call_id, rule), people["wang"])
        _decide(store, number, True, people["qa"])
    with store.reading() as session:
        call = session.get_one(Call, call_id)
        (script,) = session.scalars(select(Script).where(Script.rule == "opening"))
        assert (call.scripts_missed, script.state) == (0, "dismissed")
        opening = session.get_one(Alert, _alert(store, call_id, "opening")).severity
        assert getattr(call, f"alerts_{severity}") == before - 1 - (opening == severity)
        found = {f.ref: f.state for f in findings.findings(session, call)}
        assert found[f"alert-{_alert(store, call_id, 'who')}"] == "dismissed"
        assert rule_figures(session, rules=["who"])["who"].hits == 1


def test_a_fatal_finding_that_was_none_gives_the_card_back(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": "这个我也没办法"})
    number = _file(store, call_id, _alert(store, call_id, "quiet-one"), people["wang"])
    appeal = _decide(store, number, True, people["qa"])
    assert (appeal.score_before, appeal.score_after) == (0.0, 100.0)


def test_a_persons_card_is_corrected_rather_than_the_machines(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    answers = [
        Answer("opening", ItemStatus.PARTLY, points=20),
        Answer("who", ItemStatus.LOST, times=2),
        Answer("quiet-one", ItemStatus.CLEAN),
    ]
    with store.session() as session:
        call = session.get_one(Call, call_id)
        author = session.get_one(User, people["qa"].id)
        _, judged = cards.save(session, call, author, answers, at=now(), final=True)
        assert judged.total == 60.0
    alert = _alert(store, call_id, "who")
    with store.reading() as session:
        result = rescore(session, session.get_one(Call, call_id), {alert})
    assert (result.before, result.card.total) == (60.0, 70.0)  # one of two times is left


@pytest.mark.parametrize(
    "turns",
    [
        [{"agent": GOOD}],
        [{"agent": "喂你说吧"}, {"agent": BAD}, {"customer": "啊"}, {"agent": BAD}],
        [{"agent": GOOD}, {"agent": "这个我也没办法"}],
    ],
)
def test_nothing_contested_is_the_score_as_it_was(
    store: Store, keep: Keep, turns: list[dict[str, str]]
) -> None:
    call_id = keep(*turns)
    with store.reading() as session:
        call = session.get_one(Call, call_id)
        result = rescore(session, call, set())
        assert result.before == result.card.total == call.score
        assert result.card.grade == call.grade


def test_the_score_is_corrected_where_the_rules_are_gone(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    with store.session() as session:
        session.scalars(select(Pack)).one().text = ""
    number = _file(store, call_id, _alert(store, call_id, "who"), people["wang"])
    appeal = _decide(store, number, True, people["qa"])
    assert (appeal.state, appeal.score_before, appeal.score_after) == ("upheld", 90.0, 100.0)


def test_the_decision_stands_where_nothing_was_scored(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": BAD})
    with store.session() as session:
        for card in session.scalars(select(Scorecard)):
            session.delete(card)
    number = _file(store, call_id, _alert(store, call_id, "who"), people["wang"])
    appeal = _decide(store, number, True, people["qa"])
    assert (appeal.state, appeal.score_after) == ("upheld", None)
    assert "没有评分" in appeal.rescore_note


def test_deadline_and_counts_are_those_that_were_set(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": BAD}, {"customer": "什么"}, {"agent": BAD})
    first, second = _alert(store, call_id, "who"), _alert(store, call_id, "who", 1)
    chosen = AppealPolicy(days=1, answer_days=2, per_finding=1, per_call=1)
    with store.session() as session:
        assert appeals.policy(session) == AppealPolicy()
        appeals.set_policy(session, chosen)
        appeals.set_policy(session, chosen)
    number = _file(store, call_id, first, people["wang"])
    with store.session() as session:
        assert appeals.policy(session) == chosen
        appeal = session.get_one(Appeal, number)
        assert appeal.answer_by - appeal.filed_at == timedelta(days=2)
        with pytest.raises(UserError, match="不能处理自己的"):
            appeals.decide(session, appeal, True, "没错", people["wang"], now())
        with pytest.raises(UserError, match="理由"):
            appeals.decide(session, appeal, True, " ", people["qa"], now())
    with pytest.raises(UserError, match="每通电话最多申诉 1 次"):
        _file(store, call_id, second, people["wang"])
    with store.session() as session:
        appeals.withdraw(session, session.get_one(Appeal, number), now())
        with pytest.raises(UserError, match="已经处理或撤回"):
            appeals.withdraw(session, session.get_one(Appeal, number), now())
        appeals.set_policy(session, replace(chosen, days=0))
    with pytest.raises(UserError, match="已过申诉期限"):
        _file(store, call_id, second, people["wang"])


@pytest.mark.parametrize("reason", ["", " ", "x"])
def test_an_appeal_says_why(store: Store, keep: Keep, people: dict[str, User], reason: str) -> None:
    call_id = keep({"agent": BAD})
    alert = _alert(store, call_id, "who")
    with store.session() as session:
        call = session.get_one(Call, call_id)
        with pytest.raises(UserError, match="理由"):
            appeals.file(session, call, alert, reason, people["wang"], now())
        with pytest.raises(UserError, match="没有发现"):
            appeals.file(session, call, alert + 99, "理由充分", people["wang"], now())
