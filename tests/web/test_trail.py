"""The audit trail as its readers see it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import monitor
from monitor.base.i18n import use_language
from monitor.store import Store, audit
from monitor.web import trail
from tests.web.conftest import Browser

SignedIn = Callable[[str], Browser]
_WRITERS = {"noted": 2, "record": 3, "opened": 3, "_record": 1, "_audit": 1}
"""What writes a row, and the place of the action among its arguments."""


def _recorded() -> Iterator[str]:
    """Every action that is written anywhere in the package."""
    for path in Path(monitor.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = _WRITERS.get(name)
            if place is None or len(node.args) <= place:
                continue
            action = node.args[place]
            if isinstance(action, ast.Constant) and isinstance(action.value, str):
                yield action.value


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_action_has_a_name_and_no_name_is_left_over(language: str) -> None:
    from monitor.web.demo import people

    written = {*_recorded(), people.MARK}
    assert len(written) > 30  # or this test has lost sight of those that write
    use_language(language)
    named = trail.action_names()
    use_language("zh")
    assert named.keys() == written
    assert len(set(named.values())) == len(named)
    for name in named.values():
        assert name.isascii() == (language == "en"), name


def test_the_trail_is_read_in_words_and_leads_to_the_call(
    signed_in: SignedIn, store: Store
) -> None:
    with store.session() as session:
        audit.record(session, audit.COMMAND_LINE, None, "call.export", "call 12", person="li")
        audit.record(session, "qa", 2, "calls.export", "40 calls")
    admin = signed_in("admin")
    page = admin.get("/admin/audit").text
    assert "命令行" in page
    assert "导出通话" in page
    assert "40 通电话" in page
    assert '<a href="/calls/12">通话 12</a>' in page
    page = admin.submit("/settings", lang="en", next="/admin/audit").text
    assert "call exported" in page
    assert '<a href="/calls/12">call 12</a>' in page


@pytest.mark.parametrize("asked", ["12", "call 12", "通话 12", " 通话12 "])
def test_a_call_is_asked_for_as_it_is_called(signed_in: SignedIn, store: Store, asked: str) -> None:
    with store.session() as session:
        for number in (12, 13):
            audit.record(session, "qa", 2, "call.view", f"call {number}")
    page = signed_in("admin").get("/admin/audit", params={"object": asked}).text
    assert "通话 12" in page
    assert "通话 13" not in page


def test_actions_are_filtered_one_by_one_or_all_of_a_sort(
    signed_in: SignedIn, store: Store
) -> None:
    with store.session() as session:
        for action in ("call.view", "call.listen", "plan.draw"):
            audit.record(session, "qa", 2, action, f"on {action}")
    admin = signed_in("admin")
    for asked, found in (
        ("call.view", {"call.view"}),
        ("call.", {"call.view", "call.listen"}),
        ("login", set()),  # and no failed ones with them
    ):
        page = admin.get("/admin/audit", params={"action": asked}).text
        assert {a for a in ("call.view", "call.listen", "plan.draw") if f"on {a}" in page} == found
    admin.sign_in("qa", "guess")
    page = admin.get("/admin/audit", params={"action": "login"}).text
    assert 'data-action="login"' in page
    assert 'data-action="login.failed"' not in page
