"""Reading the rule packs in use when the server starts, so that nobody waits for it later.

Reading a pack takes half a second, compiling it some seconds; both are kept by
`monitor.quality.stored_packs`. Pages run in threads of their own, so the first one to
ask would only keep its own reader waiting – here nobody does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from fastapi import FastAPI

from monitor.base.errors import UserError
from monitor.quality import stored_packs
from monitor.store import Store

_log = logging.getLogger(__name__)


@contextmanager
def packs_in_use(app: FastAPI) -> Iterator[None]:
    """Beside the server: read and compile the packs that judged the last calls."""
    over = Event()
    thread = Thread(target=warm, args=(app.state.store, over), name="warm-packs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def warm(store: Store, over: Event) -> None:
    """Read every pack version in use, then compile what the page of rules tries sentences on;
    stops between two packs when it is `over`. A pack that cannot be read is left to whoever
    asks for it: the page says what is wrong."""
    try:
        with store.reading() as session:
            used = stored_packs.in_use(session)
            current = [stored_packs.versions(session, name)[0] for name in {v.name for v in used}]
        for version in used:
            if over.is_set():
                return
            stored_packs.resolved(version)
        for version in current:
            if over.is_set():
                return
            stored_packs.compiled([version])
    except UserError as error:
        _log.info("%s", error)
