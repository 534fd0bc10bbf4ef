"""Whoever gets content of a call leaves a row: every route is asked, also those to come."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, select

from monitor.store import Store, audit, write
from monitor.store.schema import Alert, Audit, Call, Utterance
from monitor.testing import fixtures
from monitor.testing.calls import Made, made_calls
from monitor.web.app import routes
from tests.web.conftest import Browser

SignedIn = Callable[[str], Browser]

OF_A_CALL = [
    route
    for route in routes()
    if isinstance(route, APIRoute) and "{call_id}" in route.path and "GET" in (route.methods or ())
]


@pytest.fixture
def call_id(store: Store) -> int:
    """A call with a recording and an alert."""
    data = next(made_calls(Made(calls=1)))
    with store.session() as session:
        number = write.save_call(session, data, key="key-of-a-call")
        write.keep_audio(session, session.get_one(Call, number), fixtures.load("last-word").audio)
    return number


@pytest.fixture
def admin(signed_in: SignedIn) -> Browser:
    return signed_in("admin")


def _rows(store: Store, thing: str) -> int:
    with store.reading() as session:
        return session.scalar(select(func.count()).where(Audit.object == thing)) or 0


@pytest.mark.parametrize("route", OF_A_CALL, ids=lambda route: route.path)
def test_content_of_a_call_leaves_a_row(
    admin: Browser, store: Store, call_id: int, route: APIRoute
) -> None:
    with store.reading() as session:
        alert = session.scalars(select(Alert.id)).first()
    values = {
        "call_id": call_id,
        "ref": f"alert-{alert}",
        "form": "xlsx",
        "number": 1,
        "alert": "x",
    }
    path = route.path.format(**values)
    answer = admin.get(path)
    if answer.status_code == 200:
        assert _rows(store, f"call {call_id}") > 0
    else:
        assert answer.status_code in (400, 404, 422), path


@pytest.mark.parametrize("stretch", ["bytes=1-", "bytes=0-0", "bytes=100-200", "bytes=-500", "x"])
def test_any_stretch_of_a_recording_leaves_a_row(
    admin: Browser, store: Store, call_id: int, stretch: str
) -> None:
    answer = admin.get(f"/calls/{call_id}/audio", headers={"Range": stretch})
    if answer.status_code in (200, 206):
        assert _rows(store, f"call {call_id}") == 1


@pytest.mark.parametrize("path", ["/calls?text={}", "/api/calls?text={}", "/api/calls?sound={}"])
def test_searching_what_was_said_leaves_a_row(
    admin: Browser, store: Store, call_id: int, path: str
) -> None:
    with store.reading() as session:
        said = session.scalars(select(Utterance.text)).first()
    assert said
    assert admin.get(path.format(said[:4])).status_code == 200
    with store.reading() as session:
        searched = select(func.count()).where(Audit.action == "calls.search")
        assert session.scalar(searched) == 1


def test_the_trail_stays_whole_under_use(admin: Browser, store: Store, call_id: int) -> None:
    admin.get(f"/calls/{call_id}")
    admin.get("/api/calls?text=您好")
    with store.reading() as session:
        assert audit.prove(session).problems == ()
