"""Drawing calls for review, dealing them out, and taking the next one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from monitor.base.errors import UserError
from monitor.quality.sampling import plans, review_queue
from monitor.quality.sampling.review_queue import Moment
from monitor.quality.tables import Plan, Task
from monitor.store import Store
from monitor.store.schema import Call, User, now
from tests.qa import made

_AT = Moment(datetime(2026, 11, 30, 12, tzinfo=UTC), UTC)


@pytest.fixture
def filled(store: Store) -> Store:
    with store.session() as session:
        made.fill(session, 60)
    return store


def _plan(store: Store, **settings: object) -> int:
    with store.session() as session:
        plan = Plan(
            name=str(settings), settings=plans.plan_of(settings).model_dump(mode="json"),
            active=True, created_at=now(),
        )  # fmt: skip
        session.add(plan)
        session.flush()
        return plan.id


def _draw_all(store: Store) -> int:
    with store.session() as session:
        return review_queue.draw_all(session, _AT)


def test_a_plan_draws_calls_that_are_over_and_each_only_once(filled: Store) -> None:
    _plan(filled, kind="all")
    _plan(filled, kind="ratio", share=1.0)
    assert _draw_all(filled) > 0
    assert _draw_all(filled) == 0
    with filled.reading() as session:
        drawn = Counter(session.scalars(select(Task.call_id)))
        over = set(session.scalars(select(Call.id).where(Call.status.in_(review_queue.OVER))))
    assert set(drawn) == over
    assert set(drawn.values()) == {1}


def test_the_riskiest_come_first_in_the_queue(filled: Store, people: dict[str, User]) -> None:
    _plan(filled, kind="all")
    _draw_all(filled)
    with filled.reading() as session:
        rows = session.execute(review_queue.queue(people["qa"])).all()
    priorities = [task.priority for task, _ in rows]
    assert priorities == sorted(priorities, reverse=True)
    assert priorities[0] > priorities[-1]


def test_old_calls_are_not_drawn(filled: Store) -> None:
    _plan(filled, kind="all")
    late = Moment(_AT.now + timedelta(days=365), UTC)
    with filled.session() as session:
        assert review_queue.draw_all(session, late) == 0


def test_a_plan_that_rests_draws_nothing(filled: Store) -> None:
    number = _plan(filled, kind="all")
    with filled.session() as session:
        session.get_one(Plan, number).active = False
    assert _draw_all(filled) == 0


def test_a_plan_with_broken_settings_says_so(filled: Store) -> None:
    with filled.session() as session:
        session.add(Plan(name="x", settings={"kind": "?"}, active=True, created_at=now()))
    with pytest.raises(UserError, match="kind"):
        _draw_all(filled)


def test_two_who_ask_get_different_calls_and_nobody_their_own(
    filled: Store, people: dict[str, User]
) -> None:
    _plan(filled, kind="all")
    _draw_all(filled)
    taken: dict[str, list[int]] = {"qa": [], "qa2": []}
    for _ in range(8):
        for name, calls in taken.items():
            with filled.session() as session:
                task = review_queue.take_next(session, people[name], _AT)
                assert task is not None
                calls.append(task.call_id)
                # Asking again before it is done gives the same one.
                again = review_queue.take_next(session, people[name], _AT)
                assert again is not None
                assert again.id == task.id
                review_queue.finish(session, task.call_id, people[name], _AT.now)
    assert not set(taken["qa"]) & set(taken["qa2"])
    with filled.reading() as session:
        own = select(Call.agent).where(Call.id.in_(taken["qa2"]))
        assert "A03" not in set(session.scalars(own))


def test_dealing_is_even_goes_on_and_leaves_own_calls_to_others(
    filled: Store, people: dict[str, User]
) -> None:
    _plan(filled, kind="ratio", share=0.5)
    first = _draw_all(filled)
    both = [people["qa"], people["qa2"]]
    with filled.session() as session:
        assert review_queue.assign(session, both, _AT) == first
        assert review_queue.assign(session, both, _AT) == 0
    _plan(filled, kind="all")
    second = _draw_all(filled)
    with filled.session() as session:
        assert (
            review_queue.assign(session, both, Moment(_AT.now + timedelta(hours=1), UTC)) == second
        )
    with filled.reading() as session:
        counts = dict(
            session.execute(select(Task.reviewer_id, func.count()).group_by(Task.reviewer_id)).all()
        )
        own = (
            select(func.count())
            .select_from(Task)
            .join(Call, Call.id == Task.call_id)
            .where(Task.reviewer_id == people["qa2"].id, Call.agent == "A03")
        )
        mine = select(func.count()).where(Call.agent == "A03", Call.id.in_(select(Task.call_id)))
        skew = session.scalar(mine) or 0
        assert session.scalar(own) == 0
    assert abs(counts[people["qa"].id] - counts[people["qa2"].id]) <= 2 * skew + 1


def test_nothing_left_is_none(store: Store, people: dict[str, User]) -> None:
    with store.session() as session:
        assert review_queue.take_next(session, people["qa"], _AT) is None
