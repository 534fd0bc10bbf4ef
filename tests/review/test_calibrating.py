"""Several people score the same calls blind, in both databases."""

from __future__ import annotations

import pytest

from monitor.base.errors import UserError
from monitor.quality.review import calibration
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.form import Answer, Form
from monitor.quality.tables import Calibration
from monitor.rules.scorecard import ItemStatus
from monitor.store import Store
from monitor.store.schema import Call, User
from tests.review.conftest import BAD, GOOD, NOW, Keep

_KEPT = {"opening": ItemStatus.MET, "who": ItemStatus.CLEAN, "quiet-one": ItemStatus.CLEAN}


def _answers(**changed: ItemStatus) -> list[Answer]:
    given = {**_KEPT, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return [Answer(item, status) for item, status in given.items()]


def _create(store: Store, calls: list[int], people: list[User]) -> Calibration:
    with store.session() as session:
        chosen = [session.get_one(Call, number) for number in calls]
        forms: list[tuple[Call, Form]] = [
            (call, calibration.asked(cards.form_for(session, call), {"who"})) for call in chosen
        ]
        return calibration.create(session, "三月", forms, people, people[0], NOW)


def _score(store: Store, row: Calibration, call: int, who: User, answers: list[Answer]) -> None:
    with store.session() as session:
        current = session.get_one(Calibration, row.id)
        calibration.score(session, current, call, answers, "", who, NOW)


def test_agreement_spread_and_leaning_of_two_reviewers(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    calls = [keep({"agent": GOOD}, {"agent": BAD}), keep({"agent": GOOD})]
    one, other = people["qa"], people["qa2"]
    row = _create(store, calls, [one, other])
    lost = ItemStatus.LOST
    _score(store, row, calls[0], one, _answers(who=lost))
    _score(store, row, calls[0], other, _answers(who=lost, opening=lost))
    _score(store, row, calls[1], one, _answers())
    _score(store, row, calls[1], other, _answers())
    with store.session() as session:
        calibration.close(session, session.get_one(Calibration, row.id), NOW)
    with store.reading() as session:
        current = session.get_one(Calibration, row.id)
        result = calibration.result(session, current)
        [(drifted, came)] = calibration.drift(session)
    assert (drifted.id, came.overall, came.bias) == (row.id, result.overall, result.bias)
    assert [one.item for one in result.items] == ["opening", "quiet-one", "who"]
    by_item = {one.item: one.agreement for one in result.items}
    assert by_item["who"].kappa == 1.0
    assert by_item["opening"].observed == 0.5
    assert by_item["opening"].kappa == 0.0  # one of them always said yes
    assert by_item["quiet-one"].kappa is None  # both always did
    assert by_item["quiet-one"].observed == 1.0
    assert [(c.spread.lowest, c.spread.highest) for c in result.calls if c.spread] == [
        (50.0, 90.0),
        (100.0, 100.0),
    ]
    assert [c.machine for c in result.calls] == [90.0, 100.0]
    assert result.bias == {one.id: 10.0, other.id: -10.0}


def test_a_card_is_corrected_until_the_end_and_not_after(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call = keep({"agent": GOOD})
    row = _create(store, [call], [people["qa"], people["qa2"]])
    _score(store, row, call, people["qa"], _answers(opening=ItemStatus.LOST))
    with store.session() as session, pytest.raises(UserError, match="至少两位"):
        calibration.close(session, session.get_one(Calibration, row.id), NOW)
    _score(store, row, call, people["qa"], _answers())
    _score(store, row, call, people["qa2"], _answers())
    with store.session() as session:
        kept = calibration.cards_of(session, row.id)
        assert [card.total for card in kept.values()] == [100.0, 100.0]
        calibration.close(session, session.get_one(Calibration, row.id), NOW)
    with pytest.raises(UserError, match="已经结束"):
        _score(store, row, call, people["qa"], _answers())


def test_only_members_score_only_its_calls_and_every_item(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call, other = keep({"agent": GOOD}), keep({"agent": GOOD})
    row = _create(store, [call], [people["qa"], people["qa2"]])
    with pytest.raises(UserError, match="不由您评分"):
        _score(store, row, call, people["trainer"], _answers())
    with pytest.raises(UserError, match="不由您评分"):
        _score(store, row, other, people["qa"], _answers())
    with pytest.raises(UserError, match="还有 1 项"):
        _score(store, row, call, people["qa"], _answers()[:-1])
    with pytest.raises(UserError, match="不能答"):
        _score(store, row, call, people["qa"], _answers(who=ItemStatus.MET))


def test_what_is_asked_does_not_change_with_the_pack(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call = keep({"agent": GOOD})
    row = _create(store, [call], [people["qa"], people["qa2"]])
    with store.reading() as session:
        [(chosen, _)] = calibration.calls_of(session, row.id)
        form = calibration.form_of(chosen)
        made = calibration.asked(cards.form_for(session, session.get_one(Call, call)), {"who"})
    assert form.items == made.items
    assert dict(form.groups) == dict(made.groups)
    assert list(form.grades) == list(made.grades)
    assert [item.id for item in form.items] == ["opening", "who", "quiet-one"]


def test_a_calibration_needs_a_title_calls_and_two_people(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call = keep({"agent": GOOD})
    with pytest.raises(UserError, match="两位"):
        _create(store, [call], [people["qa"], people["qa"]])
    with pytest.raises(UserError, match="选择要校准的通话"):
        _create(store, [], [people["qa"], people["qa2"]])
