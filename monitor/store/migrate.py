"""Bringing the tables up to date when a store is opened.

Each step is a module of `migrations/versions`, numbered in order; a store
remembers the number it is at.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from monitor.base.i18n import tr
from monitor.store.problems import StoreError

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x6D6F6E69746F72  # "monitor": a number of PostgreSQL's advisory locks


def head() -> str:
    """The number of the newest step this program knows, e.g. "0003"."""
    return max(path.name[:4] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def upgrade(engine: Engine, shown: str) -> None:
    """Bring the database at `engine` up to date, in one transaction; programs that start
    together wait for the first.

    Raises:
        StoreError: a newer program made this store, or it is something else's database.
    """
    newest = head()
    reader = engine.execution_options(reading=True)
    with reader.connect() as connection:
        if _revision(connection) == newest:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
        at = _revision(connection)
        if at is not None and at > newest:
            raise StoreError(
                tr(
                    f"{shown}：由更新的版本写成({at})，本程序只认到 {newest}，请升级程序",
                    f"{shown}: written by a newer version ({at}); this program knows up to"
                    f" {newest}: upgrade it",
                )
            )
        if at is None and "calls" in inspect(connection).get_table_names():
            raise StoreError(
                tr(
                    f"{shown}：这里已有别的程序的表，请换一个数据库",
                    f"{shown}: another program's tables are here; use another database",
                )
            )
        if at != newest:
            _run(connection)


def _revision(connection: Connection) -> str | None:
    if "alembic_version" not in inspect(connection).get_table_names():
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
