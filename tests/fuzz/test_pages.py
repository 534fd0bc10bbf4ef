"""Every page and every call of the API, asked nonsense: an answer, and never a fault of ours.

What a route takes is read from the route, so that routes to come are asked, too. As many requests
as `MONITOR_FUZZ` says (CI: a few hundred, the same each time; for longer: `MONITOR_FUZZ=50000`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select

from monitor.quality.tables import Appeal
from monitor.store import Store, write
from monitor.store.schema import Alert, Call, User, now
from monitor.testing import fixtures
from monitor.testing.calls import Made, made_calls
from monitor.web.app import routes
from tests.web.conftest import Browser, app, browser, passwords, settings, signed_in, tokens  # noqa: F401

SignedIn = Callable[[str], Browser]

ROUTES = [route for route in routes() if isinstance(route, APIRoute)]
REQUESTS = int(os.environ.get("MONITOR_FUZZ", "350"))
ROLES = ("admin", "agent", "qa", "trainer", "supervisor")

NUMBERS = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    str(2**31),
    str(2**63 - 1),
    str(2**63),
    str(10**30),
    "1e3",
    "NaN",
]
TEXTS = [
    *("", "x", "问候", "%", "_", "%00", "\0", "\ud7ff", "😀" * 50, "a" * 5000, "' OR 1=1 --"),
    *(
        "<b>",
        "../../etc/passwd",
        "{}",
        "null",
        "true",
        "[",
        "(",
        "/(啊+)+吧/",
        "*",
        "\\",
        "\x1b[2J",
    ),
    *("2026-01-01", "2026-13-45", "9999-12-31", "0001-01-01", "2026-01-01T00:00:00+99:99"),
    *("calls", "xlsx", "csv", "pdf", "final", "alert-1", "script-1", "alert-99999999999999999999"),
    *("general-etiquette", "unicom-10010", "week", "month", "day", "agent", "queue", "score"),
]
_LEFT_OUT = ("/logout", "/calls/{call_id}/report.{form}", "/reports/")
"""What ends the session, and what makes PDFs: those take seconds each."""


@pytest.fixture
def filled(store: Store, request: pytest.FixtureRequest) -> list[str]:
    """A few calls with recordings and an appeal that was withdrawn, so that numbers lead
    somewhere; returns ids of rules that were hit."""
    request.getfixturevalue("tokens")  # the users
    for number, data in enumerate(made_calls(Made(calls=3))):
        with store.session() as session:
            call = write.save_call(session, data, key=f"key-of-call-{number}")
            sound = fixtures.load("last-word").audio
            write.keep_audio(session, session.get_one(Call, call), sound)
    with store.session() as session:
        alert = session.scalars(select(Alert)).first()
        assert alert is not None
        author = session.scalars(select(User)).first()
        filed = {"rule": alert.rule, "reason": "x", "filed_at": now(), "answer_by": now()}
        appeal = Appeal(
            call_id=alert.call_id, alert_id=alert.id, author_id=author.id if author else None,
            state="withdrawn", decided_at=now(), **filed,
        )  # fmt: skip
        session.add(appeal)
        return list(session.scalars(select(Alert.rule).distinct()))


def _value(draw: random.Random, kind: Any) -> str:
    numeric = "int" in str(kind) or "float" in str(kind)
    if numeric and draw.random() < 0.8:
        return draw.choice(NUMBERS)
    return draw.choice(TEXTS if draw.random() < 0.8 else NUMBERS)


def _fields(route: APIRoute, name: str) -> list[tuple[str, Any]]:
    """The parameters of a route and of all it depends on."""
    found = []
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        waiting += dependant.dependencies
        for field in getattr(dependant, name):
            kind = field.field_info.annotation
            inner = getattr(kind, "model_fields", None)
            if inner is None:
                found.append((field.alias, kind))
            else:  # a model whose fields are parameters
                found += [(more.alias or key, more.annotation) for key, more in inner.items()]
    return found


def _ask(draw: random.Random, page: Browser, route: APIRoute) -> tuple[str, str, int]:
    values = {name: _value(draw, kind) for name, kind in _fields(route, "path_params")}
    if draw.random() < 0.7:  # as a rule something that is there
        values = {name: draw.choice(["1", "2", "3"]) for name in values}
    path = route.path
    for name, value in values.items():
        path = path.replace(
            f"{{{name}}}",
            page.build_request("GET", "/", params={"v": value}).url.query.decode()[2:],
        )
    query = {
        name: _value(draw, kind)
        for name, kind in _fields(route, "query_params")
        if draw.random() < 0.6
    }
    method = draw.choice(sorted(route.methods or {"GET"}))
    more: dict[str, Any] = {}
    if method != "GET":
        body = {name: _value(draw, kind) for name, kind in _fields(route, "body_params")}
        more = {"data": body} if draw.random() < 0.6 else {"json": draw.choice([body, [], None, 1])}
    answer = page.request(method, path, params=query, follow_redirects=False, **more)
    return method, str(answer.request.url), answer.status_code


@pytest.mark.parametrize("seed", range(2))
def test_no_request_is_a_fault_of_ours(
    request: pytest.FixtureRequest, filled: list[str], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter: SignedIn = request.getfixturevalue("signed_in")
    monkeypatch.setitem(globals(), "TEXTS", [*TEXTS, *filled[:20]])
    draw = random.Random(seed)
    pages = {role: enter(role) for role in ROLES}
    asked = [route for route in ROUTES if not route.path.startswith(_LEFT_OUT)]
    faults = {}
    for number in range(REQUESTS):
        route = asked[number % len(asked)] if number < len(asked) else draw.choice(asked)
        page = pages[draw.choice((*ROLES, "admin", "admin"))]
        state = draw.getstate()
        try:
            method, url, status = _ask(draw, page, route)
        except Exception as error:  # whatever it is: which request, and all of them at once
            draw.setstate(state)
            faults[f"{route.path}: {type(error).__name__}: {str(error)[:200]}"] = number
            continue
        if status >= 500:
            faults[f"{method} {url}"] = status
    assert faults == {}
