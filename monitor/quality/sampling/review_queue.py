"""The review queue: drawing calls by the plans, dealing them out, taking the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import Session

from monitor.quality.sampling import plans as drawing
from monitor.quality.sampling.plans import Candidate
from monitor.quality.scope import OVER, Scope
from monitor.quality.tables import Plan, Task
from monitor.store.schema import Call, User

LOOK_BACK_DAYS = 92
"""Older calls are not drawn any more: a quarter covers every month a plan can still fill."""


DEALT_TO = ("qa", "trainer")
"""The roles to whom calls are dealt in turn."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, and the zone whose days, weeks and months plans count in."""

    now: datetime
    zone: tzinfo

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


def draw(session: Session, plan: Plan, at: Moment) -> int:
    """Draw the calls that a plan asks for and no plan has drawn yet; returns how many.

    Raises:
        UserError: the plan's settings are wrong.
    """
    settings = drawing.plan_of(plan.settings)
    since = at.now - timedelta(days=LOOK_BACK_DAYS)
    recent = Call.started_at >= since
    taken = select(Task.call_id)
    fresh = _candidates(session, at.zone, recent, Call.id.not_in(taken))
    mine = select(Task.call_id).where(Task.plan_id == plan.id)
    drawn = _candidates(session, at.zone, recent, Call.id.in_(mine))
    draws = drawing.draw(settings, fresh, drawn, at.today)
    session.add_all(
        Task(
            call_id=d.id,
            plan_id=plan.id,
            status="open",
            reason=d.reason,
            priority=d.priority,
            drawn_at=at.now,
        )
        for d in draws
    )
    plan.drawn_at = at.now
    session.flush()
    return len(draws)


def hold(session: Session) -> None:
    """Let nobody else draw before this transaction is over: two who draw at once (a page and
    the clock, say) would take the same calls. SQLite has one writer at a time anyway."""
    session.execute(select(Plan.id).order_by(Plan.id).with_for_update())


def draw_all(session: Session, at: Moment) -> int:
    """Draw by every active plan, the oldest first."""
    hold(session)
    plans = session.scalars(select(Plan).where(Plan.active).order_by(Plan.id)).all()
    return sum(draw(session, plan, at) for plan in plans)


def _candidates(session: Session, zone: tzinfo, *where: ColumnElement[bool]) -> list[Candidate]:
    query = select(
        Call.id,
        Call.key,
        Call.agent,
        Call.queue,
        Call.direction,
        Call.started_at,
        Call.duration_ms,
        Call.alerts_fatal,
        Call.alerts_major,
        Call.alerts_minor,
        Call.scripts_missed,
        Call.gaps,
        Call.score * 100 / func.nullif(Call.score_max, 0),
    ).where(Call.status.in_(OVER), *where)
    return [
        Candidate(
            id=row[0],
            key=row[1],
            agent=row[2],
            queue=row[3],
            direction=row[4],
            started_at=row[5].astimezone(zone),
            duration_ms=row[6],
            risk=drawing.risk(row[7], row[8], row[9], row[10], row[11], row[12]),
        )
        for row in session.execute(query)
    ]


def waiting(session: Session) -> int:
    """How many calls wait for review."""
    query = select(func.count()).select_from(Task).where(Task.status == "open")
    return session.scalar(query) or 0


def reviewers(session: Session) -> list[User]:
    """Those who may be given calls to review, by name."""
    query = select(User).where(User.active, User.role.in_(DEALT_TO)).order_by(User.name)
    return list(session.scalars(query))


def assign(session: Session, reviewers: Sequence[User], at: Moment) -> int:
    """Deal the open tasks that nobody has to the reviewers in turn; returns how many.

    It goes on after whoever was dealt the last one.
    """
    waiting = session.execute(
        select(Task.id, Call.agent)
        .join(Call, Call.id == Task.call_id)
        .where(Task.status == "open", Task.reviewer_id.is_(None))
        .order_by(Task.priority.desc(), Task.id)
    ).all()
    ids = [reviewer.id for reviewer in reviewers]
    last = session.scalar(
        select(Task.reviewer_id)
        .where(Task.reviewer_id.in_(ids))
        .order_by(Task.assigned_at.desc(), Task.id.desc())
        .limit(1)
    )
    dealt = drawing.round_robin(
        [(task, agent) for task, agent in waiting],
        [(reviewer.id, reviewer.agent) for reviewer in reviewers],
        last,
    )
    # One after another in time too, so that the next round knows who was last.
    for number, (task, reviewer) in enumerate(dealt.items()):
        moment = at.now + timedelta(microseconds=number)
        session.execute(
            update(Task).where(Task.id == task).values(reviewer_id=reviewer, assigned_at=moment)
        )
    return len(dealt)


def queue(user: User) -> Select[Task, Call]:
    """The open tasks somebody may take, in the order they should be done: their own first."""
    return (
        select(Task, Call)
        .join(Call, Call.id == Task.call_id)
        .where(
            Task.status == "open",
            or_(Task.reviewer_id.is_(None), Task.reviewer_id == user.id),
            or_(Call.agent.is_(None), Call.agent != (user.agent or "")),
        )
        .order_by(Task.reviewer_id.is_(None), Task.priority.desc(), Task.id)
    )


def take_next(session: Session, user: User, at: Moment) -> Task | None:
    """The task somebody should do next, theirs from now on; None when there is none.

    Two who ask at once get different ones.
    """
    while True:
        row = session.execute(queue(user).limit(1)).first()
        if row is None:
            return None
        task = row[0]
        if task.reviewer_id == user.id:
            return task
        won = session.execute(
            update(Task)
            .where(Task.id == task.id, Task.reviewer_id.is_(None), Task.status == "open")
            .values(reviewer_id=user.id, assigned_at=at.now)
        )
        session.expire(task)
        if getattr(won, "rowcount", 0) == 1:
            return task


def finish(session: Session, call_id: int, reviewer: User, now: datetime | None = None) -> None:
    """A call has been judged: whatever drew it is done, by whoever did it."""
    session.execute(
        update(Task)
        .where(Task.call_id == call_id, Task.status == "open")
        .values(
            status="done",
            reviewer_id=reviewer.id,
            assigned_at=func.coalesce(Task.assigned_at, now or datetime.now(UTC)),
            done_at=now or datetime.now(UTC),
        )
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """One agent's calls: how many there were, were drawn for review, and have been reviewed."""

    agent: str
    calls: int
    drawn: int
    done: int


def coverage(session: Session, scope: Scope) -> list[Coverage]:
    """How far the sampling has come, per agent; see the manuals' one a week, four a month."""
    done = func.count(Task.id).filter(Task.status == "done")
    query = (
        select(Call.agent, func.count(), func.count(Task.id), done)
        .outerjoin(Task, Task.call_id == Call.id)
        .where(*scope.conditions(), Call.agent.is_not(None))
        .group_by(Call.agent)
        .order_by(Call.agent)
    )
    return [Coverage(agent or "", *counts) for agent, *counts in session.execute(query)]
