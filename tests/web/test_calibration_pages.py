"""The pages of calibration, also when there is little to compare."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from monitor.quality.review import calibration
from monitor.quality.scorecards import cards
from monitor.quality.scorecards.form import Answer
from monitor.rules.scorecard import ItemStatus
from monitor.store import Store
from monitor.store.schema import Call, User
from tests.review.conftest import BAD, GOOD, NOW, Keep, book, keep  # noqa: F401 - fixtures
from tests.web.conftest import Browser

_KEPT = [
    Answer("opening", ItemStatus.MET),
    Answer("who", ItemStatus.CLEAN),
    Answer("quiet-one", ItemStatus.CLEAN),
]


def _closed(store: Store, calls: list[int], scored: dict[str, list[int]]) -> int:
    """A closed calibration in which these people scored those of the calls; returns its id."""
    with store.session() as session:
        users = {user.name: user for user in session.scalars(select(User))}
        forms = [
            (call, calibration.asked(cards.form_for(session, call), {"who"}))
            for call in (session.get_one(Call, number) for number in calls)
        ]
        members = [users[name] for name in scored]
        row = calibration.create(session, "三月", forms, members, users["trainer"], NOW)
        for name, own in scored.items():
            for number in own:
                calibration.score(session, row, number, _KEPT, "", users[name], NOW)
        calibration.close(session, row, NOW)
        return row.id


def test_a_calibration_without_a_call_in_common_is_told_as_undefined(
    store: Store,
    keep: Keep,  # noqa: F811
    signed_in: Callable[[str], Browser],
) -> None:
    calls = [keep({"agent": GOOD}), keep({"agent": GOOD}, {"agent": BAD})]
    browser = signed_in("trainer")
    number = _closed(store, calls, {"qa": calls[:1], "trainer": calls[1:]})
    shown = browser.get(f"/calibration/{number}")
    assert shown.status_code == 200
    assert "不说“你找谁”" in shown.text
    assert browser.get("/calibration").status_code == 200


def test_the_table_over_time_tells_who_leans_which_way(
    store: Store,
    keep: Keep,  # noqa: F811
    signed_in: Callable[[str], Browser],
) -> None:
    calls = [keep({"agent": GOOD})]
    browser = signed_in("qa")
    _closed(store, calls, {"qa": calls, "trainer": calls})
    assert 'qa <span class="number">+0.0</span>' in browser.get("/calibration").text
