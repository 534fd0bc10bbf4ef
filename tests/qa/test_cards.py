"""People's scorecards: drafts, final cards, and what they leave alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from monitor import rules
from monitor.base import call_record
from monitor.base.call_record import CallRecord
from monitor.base.errors import UserError
from monitor.events import Alert, CallEnd, CallInfo, Party, Severity, to_dict
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.form import Answer
from monitor.quality.tables import Task
from monitor.rules import Rulebook
from monitor.rules.scorecard import ItemStatus, scorecard
from monitor.store import Store
from monitor.store.packs import texts_of
from monitor.store.schema import Call, Pack, Scorecard, User, now
from monitor.store.write import save_call

_AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return rules.load(["unicom-10010"])


@pytest.fixture
def call_id(store: Store, rulebook: Rulebook) -> int:
    """A call with one grave finding, judged by the machine."""
    record = CallRecord()
    name = "unicom-forbidden-03"
    rule = rulebook.rules[name].rule
    packs = tuple(f"{pack.id}@{pack.version}" for pack in rulebook.packs)
    record([CallInfo("c", "c.wav", (Party.AGENT,), "x", packs)])
    record(
        [
            Alert(
                id="1", rule=name, title=rule.title, family="", severity=Severity.MAJOR,
                party=Party.AGENT, start_ms=0, end_ms=500, at_ms=500, quote="你有没有搞错",
                similarity=1.0,
            ),
            CallEnd(10_000),
        ]
    )  # fmt: skip
    card = scorecard(rulebook, record.alerts, record.scripts)
    data = call_record.to_json(record, to_dict(card))
    with store.session() as session:
        return save_call(session, data, key="c", packs=texts_of(rulebook))


def _answers(store: Store, call_id: int, **changed: ItemStatus) -> list[Answer]:
    with store.reading() as session:
        form = cards.form_for(session, session.get_one(Call, call_id))
    usual = {True: ItemStatus.MET, False: ItemStatus.CLEAN}
    return [Answer(i.id, changed.get(i.id, usual[bool(i.weight)])) for i in form.items]


def _save(store: Store, call_id: int, who: User, answers: list[Answer], **how: Any) -> int:
    with store.session() as session:
        call = session.get_one(Call, call_id)
        author = session.get_one(User, who.id)
        return cards.save(session, call, author, answers, at=_AT, **how)[0].id


def test_the_form_is_that_of_the_packs_that_judged_the_call(
    store: Store, call_id: int, rulebook: Rulebook
) -> None:
    with store.reading() as session:
        form = cards.form_for(session, session.get_one(Call, call_id))
    assert {item.id for item in form.items} == {
        name for name, ready in rulebook.rules.items() if ready.rule.score.counts
    }
    assert form.groups == {"开场": 15.0, "用语": 60.0, "结束": 25.0}


def test_without_its_packs_the_card_still_names_the_items(store: Store, call_id: int) -> None:
    with store.session() as session:
        for pack in session.scalars(select(Pack)):
            pack.text, pack.name = "", "no-such-pack"
    with store.reading() as session:
        form = cards.form_for(session, session.get_one(Call, call_id))
        machine = cards.machine_card(session, call_id)
        assert machine is not None
        assert [item.id for item in form.items] == [line.item for line in machine.lines]


def test_without_packs_and_card_it_says_so(store: Store) -> None:
    with store.session() as session:
        row = Call(
            key="x", name="x", status="complete", started_at=now(), received_at=now(), head={}
        )
        session.add(row)
        session.flush()
        with pytest.raises(UserError):
            cards.form_for(session, row)


def test_a_draft_is_changed_a_final_card_is_replaced_and_the_machines_stays(
    store: Store, call_id: int, people: dict[str, User]
) -> None:
    qa = people["qa"]
    first = _save(store, call_id, qa, _answers(store, call_id)[:3], final=False)
    assert _save(store, call_id, qa, _answers(store, call_id), final=False) == first
    final = _save(store, call_id, qa, _answers(store, call_id), final=True, comment="好")
    assert final == first
    rude = _answers(store, call_id, **{"unicom-forbidden-03": ItemStatus.LOST})
    second = _save(store, call_id, qa, rude, final=True)
    other = _save(store, call_id, people["qa2"], _answers(store, call_id), final=True)
    with store.reading() as session:
        found = {card.id: card for card in session.scalars(select(Scorecard))}
        assert found[first].status == "superseded"
        assert (found[first].total, found[first].comment) == (100.0, "好")
        assert found[second].status == "final"
        assert found[second].total == pytest.approx(88.0)
        assert found[other].status == "final"
        machine = next(card for card in found.values() if card.author_id is None)
        assert machine.status == "machine"
        call = session.get_one(Call, call_id)
        assert call.score == machine.total
        lines = {line.item: line for line in found[second].lines}
        assert lines["unicom-forbidden-03"].points == -12.0
        own = cards.card_of(session, call_id, qa.id, "review")
        assert own is not None
        assert own.id == second


def test_judging_a_call_is_what_its_task_was_waiting_for(
    store: Store, call_id: int, people: dict[str, User]
) -> None:
    with store.session() as session:
        session.add(Task(call_id=call_id, status="open", reason="", priority=1.0, drawn_at=now()))
    _save(store, call_id, people["qa"], _answers(store, call_id), final=False)
    _save(
        store, call_id, people["qa2"], _answers(store, call_id), final=True, purpose="calibration"
    )
    with store.reading() as session:
        assert session.scalars(select(Task.status)).one() == "open"
    _save(store, call_id, people["qa"], _answers(store, call_id), final=True)
    with store.reading() as session:
        task = session.scalars(select(Task)).one()
        assert (task.status, task.reviewer_id) == ("done", people["qa"].id)


def test_a_wrong_answer_changes_nothing(
    store: Store, call_id: int, people: dict[str, User]
) -> None:
    with pytest.raises(UserError, match="nobody"):
        _save(store, call_id, people["qa"], [Answer("nobody", ItemStatus.MET)], final=True)
    with store.reading() as session:
        assert cards.card_of(session, call_id, people["qa"].id, "review") is None
