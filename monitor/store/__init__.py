"""The store: calls and everything later work adds to them, in SQLite or PostgreSQL.

    with open_store() as store, store.reading() as session:
        for call in session.scalars(select(schema.Call)):
            ...

Importing this room is cheap: SQLAlchemy is loaded when a store is opened, or
with `monitor.store.schema`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.store.database import Store

__all__ = ["Store", "open_store"]


def __getattr__(name: str) -> Any:
    if name == "Store":
        from monitor.store.database import Store

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def open_store(where: str | Path | None = None, audio: Path | None = None) -> Store:
    """Open a store, creating it or bringing its tables up to date where needed.

    `where` is a folder, a `.db` file or the URL of a PostgreSQL database; None
    takes the environment variable `MONITOR_STORE`, else a folder of the user's
    own. `audio` is the folder of the recordings (default: beside the database;
    `MONITOR_AUDIO`, else the user's own folder, for PostgreSQL).

    Live calls whose writers have died are marked interrupted.

    Raises:
        UserError: it cannot be opened, created or brought up to date.
    """
    from monitor.store.database import open_at
    from monitor.store.place import find

    return open_at(find(where, audio))
