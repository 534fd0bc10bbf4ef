"""Insert or update in one statement, which SQLite and PostgreSQL say alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from monitor.store.schema import Base


def add_missing(
    session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]], keys: Sequence[str]
) -> None:
    """Insert the rows whose `keys` are not there yet."""
    if rows:
        statement = _insert(session, table)
        session.execute(statement.on_conflict_do_nothing(index_elements=keys), rows)


def put(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert the rows; where one with the same `keys` is there, update all but `keep`."""
    if not rows:
        return
    statement = _insert(session, table)
    changed = {
        name: statement.excluded[name] for name in rows[0] if name not in keys and name not in keep
    }
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), rows)


def _insert(session: Session, table: type[Base]) -> Any:
    dialect = session.get_bind().dialect.name
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)
