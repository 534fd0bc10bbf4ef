"""The scorecard a person fills in adds up as the machine's does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import rules
from monitor.base.errors import UserError
from monitor.events import Alert, Party, ScriptState, ScriptStatus, Severity, to_dict
from monitor.quality.scorecards.cards import form_of_card
from monitor.quality.scorecards.form import Answer, Form, Item, form_of_packs, judge
from monitor.rules.scorecard import ItemStatus, scorecard
from monitor.store import rows, schema

_FORM = Form(
    full=100,
    groups={"开场": 40, "用语": 60},
    grades=(("合格", 70), ("不合格", 0)),
    items=(
        Item("hello", "问候", "开场", weight=3),
        Item("name", "自报家门", "开场", weight=1),
        Item("rude", "不说禁用语", "用语", deduct=10, at_most=25),
        Item("leak", "泄露资料", "用语", deduct=0, fatal="card"),
        Item("shout", "辱骂", "用语", deduct=5, fatal="group"),
    ),
)
_ALL = [
    Answer("hello", ItemStatus.MET),
    Answer("name", ItemStatus.LOST),
    Answer("rude", ItemStatus.CLEAN),
    Answer("leak", ItemStatus.CLEAN),
    Answer("shout", ItemStatus.CLEAN),
]


def _with(*answers: Answer) -> list[Answer]:
    changed = {answer.item: answer for answer in answers}
    return [changed.get(answer.item, answer) for answer in _ALL]


@pytest.mark.parametrize(
    ("answers", "total", "grade"),
    [
        (_ALL, 40 * 3 / 4 + 60, "合格"),
        # Not applicable leaves the denominator: the opening is judged by the greeting alone.
        (_with(Answer("name", ItemStatus.NOT_APPLICABLE)), 100, "合格"),
        (_with(Answer("hello", ItemStatus.PARTLY, points=1.5)), 40 * 1.5 / 4 + 60, "合格"),
        (_with(Answer("rude", ItemStatus.LOST, times=2)), 30 + 40, "合格"),
        (_with(Answer("rude", ItemStatus.LOST, times=9)), 30 + 35, "不合格"),
        (_with(Answer("shout", ItemStatus.LOST)), 30, "不合格"),
        (_with(Answer("leak", ItemStatus.LOST)), 0, "不合格"),
        # A whole group that does not apply leaves the denominator too.
        ([Answer("hello", ItemStatus.MET), Answer("name", ItemStatus.LOST)], 75, "合格"),
    ],
)
def test_the_arithmetic(answers, total, grade) -> None:
    card = judge(_FORM, answers)
    assert card.total == pytest.approx(total)
    assert card.grade == grade


@pytest.mark.parametrize(
    "answer",
    [
        Answer("hello", ItemStatus.CLEAN),
        Answer("rude", ItemStatus.MET),
        Answer("rude", ItemStatus.PARTLY),
        Answer("hello", ItemStatus.PARTLY, points=3.5),
        Answer("hello", ItemStatus.PARTLY, points=-1),
        Answer("rude", ItemStatus.LOST, times=0),
        Answer("nobody", ItemStatus.MET),
    ],
)
def test_an_answer_that_does_not_fit_its_item_is_refused(answer) -> None:
    with pytest.raises(UserError):
        judge(_FORM, [answer])


def test_an_item_is_answered_once() -> None:
    with pytest.raises(UserError, match="hello"):
        judge(_FORM, [Answer("hello", ItemStatus.MET), Answer("hello", ItemStatus.LOST)])


@pytest.fixture(scope="module")
def rulebook():
    return rules.load(["unicom-10010"])


@given(data=st.data())
def test_taking_over_every_suggestion_gives_the_machines_card(rulebook, data) -> None:
    names = sorted(rulebook.rules)
    picked = data.draw(st.lists(st.sampled_from(names), max_size=6))
    alerts, scripts = [], []
    for number, name in enumerate(picked):
        ready = rulebook.rules[name]
        if ready.requirements or ready.slot:
            state = data.draw(st.sampled_from([ScriptStatus.MET, ScriptStatus.MISSED]))
            scripts.append(
                ScriptState(name, ready.rule.title, state, at_ms=1000, occurrence=number)
            )
        else:
            alerts.append(_alert(number, name, ready.rule.title, ready.rule.severity))
    machine = scorecard(rulebook, alerts, scripts)
    lines = {line.item: line for line in machine.lines}
    form = form_of_packs(rulebook.resolved)
    answers = []
    for item in form.items:
        line = lines.get(item.id)
        if line is not None:
            answers.append(Answer(item.id, line.status, line.points, line.times))
        elif not item.weight and not (rulebook.rules[item.id].requirements):
            answers.append(Answer(item.id, ItemStatus.CLEAN))
    card = judge(form, answers)
    assert card.total == pytest.approx(machine.total, abs=0.05)
    assert card.fatal == machine.fatal
    assert card.grade == machine.grade


def _alert(number: int, rule: str, title: str, severity: Severity) -> Alert:
    return Alert(
        id=str(number),
        rule=rule,
        title=title,
        family="",
        severity=severity,
        party=Party.AGENT,
        start_ms=0,
        end_ms=500,
        at_ms=500,
        quote="",
        similarity=1.0,
    )


def test_a_form_made_of_a_card_gives_that_card_again(rulebook) -> None:
    machine = scorecard(
        rulebook, [_alert(1, "etiquette-impatient-say", "不耐烦", Severity.MAJOR)], []
    )
    data = to_dict(machine)
    lines = [schema.ScoreLine(**rows.row_of(schema.ScoreLine, line)) for line in data["lines"]]
    kept = schema.Scorecard(**{**rows.row_of(schema.Scorecard, data), "lines": lines})
    form = form_of_card(kept)
    card = judge(form, [Answer(x.item, x.status, x.points, x.times) for x in machine.lines])
    assert card.total == pytest.approx(machine.total, abs=0.05)
