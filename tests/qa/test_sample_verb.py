"""`monitor calls sample`: the plans draw by the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from monitor.quality.sampling import plans
from monitor.quality.tables import Plan, Task
from monitor.store import Store
from monitor.store.schema import Audit, Call, User, now
from tests import verbs
from tests.qa import made

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, store_url: str) -> Run:
    monkeypatch.setenv("MONITOR_LANG", "en")
    monkeypatch.setenv("MONITOR_STORE", store_url)

    return partial(verbs.run, capsys, "calls", "sample")


@pytest.fixture
def filled(store: Store) -> Store:
    """Calls of the last weeks, and two plans of which one rests."""
    with store.session() as session:
        made.fill(session, 40)
        newest = session.scalar(select(func.max(Call.started_at)))
        assert newest is not None
        for call in session.scalars(select(Call)):
            call.started_at += now() - newest - timedelta(hours=1)
        for name, active in (("weekly", True), ("resting", False)):
            settings = plans.plan_of({"kind": "agent" if active else "all"})
            session.add(
                Plan(
                    name=name,
                    settings=settings.model_dump(mode="json"),
                    active=active,
                    created_at=now(),
                )
            )
    return store


def _tasks(store: Store) -> list[Task]:
    with store.reading() as session:
        return list(session.scalars(select(Task)))


def test_a_second_run_in_the_same_period_adds_nothing(run: Run, filled: Store) -> None:
    code, out, _ = run()
    drawn = len(_tasks(filled))
    assert code == 0
    assert drawn > 0
    assert f"weekly: {drawn} calls drawn" in out
    assert "resting" not in out
    assert f"{drawn} calls wait for review" in out
    code, out, _ = run()
    assert (code, len(_tasks(filled))) == (0, drawn)
    assert "weekly: 0 calls drawn" in out
    with filled.reading() as session:
        rows = session.scalars(select(Audit).where(Audit.action == "plan.draw")).all()
        assert [row.actor for row in rows] == ["command line"]  # what did nothing leaves no trace


def test_a_trial_keeps_nothing(run: Run, filled: Store) -> None:
    code, out, _ = run("weekly", "--dry-run")
    assert code == 0
    assert "nothing was kept" in out
    assert "weekly: 0" not in out
    assert _tasks(filled) == []


def test_what_is_drawn_can_be_dealt_out(run: Run, filled: Store, people: dict[str, User]) -> None:
    code, out, _ = run("--deal")
    assert code == 0
    rows = _tasks(filled)
    assert f"{len(rows)} calls dealt" in out
    assert {row.reviewer_id for row in rows} == {people["qa"].id, people["qa2"].id}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["monthly"], "no sampling plan 'monthly'; there are: weekly, resting"),
        (["resting"], "'resting' rests"),
        (["--deal"], "nobody to deal to"),
    ],
)
def test_mistakes_are_told_in_one_line_and_draw_nothing(
    run: Run, filled: Store, words: list[str], complaint: str
) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1
    assert _tasks(filled) == []


def test_without_plans_it_says_where_to_make_one(run: Run, store: Store) -> None:
    code, _, err = run()
    assert code == 2
    assert "make one on the web page" in err
