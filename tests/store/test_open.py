"""Opening a store: where it lies, what is made of it, and what can be wrong."""

from __future__ import annotations

from monitor.store import Store
from monitor.store.read import list_calls


def test_a_new_store_is_empty(store: Store) -> None:
    with store.reading() as session:
        assert list_calls(session).total == 0
