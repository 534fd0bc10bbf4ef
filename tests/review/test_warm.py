"""Heavy work of pages keeps to threads, and what can be done beforehand is."""

from __future__ import annotations

import inspect
from threading import Event
from typing import NoReturn

import pytest
from fastapi.routing import APIRoute

from monitor import rules
from monitor.quality import stored_packs
from monitor.store import Store
from monitor.store.schema import Call
from monitor.web.app import routes
from monitor.web.review import warm
from tests.review.conftest import GOOD, Keep

_ROOMS = ("monitor.web.qa.", "monitor.web.review.")


def test_pages_of_qa_and_training_never_hold_up_the_event_loop() -> None:
    """A handler that is no coroutine runs in a thread: no pack is read on the loop."""
    pages = [route for route in routes() if isinstance(route, APIRoute)]
    ours = [route for route in pages if route.endpoint.__module__.startswith(_ROOMS)]
    assert ours
    held = [route.path for route in ours if inspect.iscoroutinefunction(route.endpoint)]
    assert held == []


def test_packs_in_use_are_compiled_before_anybody_asks(
    store: Store, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep({"agent": GOOD}, version="9.9")
    stored_packs._compiled.cache_clear()
    stored_packs._resolved.cache_clear()
    warm.warm(store, Event())

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("read again")

    monkeypatch.setattr(rules, "load", refuse)
    monkeypatch.setattr(stored_packs, "resolve", refuse)
    with store.reading() as session:
        [version] = stored_packs.in_use(session)
        assert version.version == "9.9"
        assert stored_packs.resolved(version).version == "9.9"
        assert "who" in stored_packs.compiled(stored_packs.versions(session, "desk")[:1]).rules


def test_a_server_that_ends_stops_reading(
    store: Store, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep({"agent": GOOD})
    over = Event()
    over.set()
    read: list[object] = []
    monkeypatch.setattr(stored_packs, "resolved", read.append)
    monkeypatch.setattr(stored_packs, "compiled", read.append)
    warm.warm(store, over)
    assert read == []


def test_a_pack_that_cannot_be_read_any_more_is_left_to_the_page(store: Store, keep: Keep) -> None:
    number = keep({"agent": GOOD})
    with store.session() as session:
        session.get_one(Call, number).packs[0].text = "pack: desk\nrules: 3\n"
    stored_packs._resolved.cache_clear()
    warm.warm(store, Event())
