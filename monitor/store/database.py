"""`Store`: an open database, its sessions, and the folder of recordings beside it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

from monitor.base import private
from monitor.base.i18n import tr
from monitor.store.audio import AudioFolder, Kept
from monitor.store.lease import Lease, any_live, mark_interrupted
from monitor.store.migrate import upgrade
from monitor.store.place import Place
from monitor.store.problems import StoreError, explained

_HALF = re.compile("[\ud800-\udfff]")

BUSY_S = 30.0
"""How long a writer waits for another one to finish."""


class Store:
    """An open store; also a context manager that closes it.

    Safe to share between threads: every session has a connection of its own.
    """

    def __init__(self, place: Place, engine: Engine) -> None:
        self.engine = engine
        self.audio_dir: Path = place.audio
        self.url_shown: str = place.shown
        self.lease = Lease(place, engine)
        # A server that went away with a connection may have let go of our lock, too.
        event.listen(engine, "invalidate", lambda *_lost: self.lease.doubt())
        self._place = place
        self._readers = engine.execution_options(reading=True)

    @property
    def where(self) -> str:
        """What opens the same store in another process: a path, or a URL with its password."""
        return str(self._place.file or self._place.url)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction that writes: committed at the end, rolled back on an error.

        On SQLite one process writes at a time, so keep it short and fetch
        nothing slow inside; others wait up to `BUSY_S`.

        Raises:
            StoreError: full, locked, read-only, broken or out of reach.
        """
        with explained(self.url_shown), self._open(self.engine) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that only reads: one state of the store, waiting for nobody.

        Raises:
            StoreError: broken or out of reach.
        """
        with explained(self.url_shown), self._open(self._readers) as session:
            yield session

    def _open(self, engine: Engine) -> Session:
        about = {"audio": AudioFolder(self.audio_dir), "lease": self.lease}
        return Session(engine, expire_on_commit=False, info=about)

    def audio_path(self, digest: str, suffix: str) -> Path:
        """Where the recording of this digest (`Audio.digest`, `Audio.suffix`) lies."""
        return AudioFolder(self.audio_dir).path(digest, suffix)

    def put_audio(self, path: Path) -> Kept:
        """Copy a recording into the store's folder, for the transaction that will name it.

        Raises:
            StoreError: it cannot be read, or the folder not be written.
        """
        return AudioFolder(self.audio_dir).put(path)

    def sweep(self) -> list[int]:
        """Mark the live calls of writers that have died as interrupted; returns their ids."""
        with self.reading() as session:
            if not any_live(session):  # as a rule: nothing has to be locked
                return []
        with self.session() as session:
            return mark_interrupted(session, self.lease)

    def close(self) -> None:
        self.lease.release()
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def open_at(place: Place) -> Store:
    """Open the store at `place`; see `monitor.store.open_store`.

    Raises:
        StoreError: it cannot be opened, created or brought up to date.
    """
    if place.file is not None:
        _make_folder(place.file)
        _close_file(place.file)
    engine = _engine(place)
    try:
        with explained(place.shown):
            upgrade(engine, place.shown)
        store = Store(place, engine)
        store.sweep()
    except BaseException:
        engine.dispose()
        raise
    return store


def _make_folder(file: Path) -> None:
    try:
        private.make_folder(file.parent)
    except OSError as error:
        raise StoreError(
            tr(
                f"{file.parent}：不能建立文件夹：{error.strerror}",
                f"{file.parent}: cannot create this folder: {error.strerror}",
            )
        ) from error


def _close_file(file: Path) -> None:
    """Make the database's file before SQLite does: its own mode goes by the umask, and the files
    beside it by this one."""
    try:
        private.make_file(file)
    except OSError:
        return  # opening it says what is wrong
    for beside in ("-wal", "-shm"):
        private.close(file.with_name(file.name + beside))


def _engine(place: Place) -> Engine:
    if place.file is None:
        try:
            # A server that went away while a connection rested is found out before it is used.
            engine = create_engine(
                place.url,
                pool_pre_ping=True,
                pool_size=10,
                max_overflow=40,
                json_serializer=_json,
            )
        except ModuleNotFoundError as error:
            raise StoreError(
                tr(
                    f"{place.shown}：缺少 PostgreSQL 驱动，请运行"
                    " pip install 'callmonitor[postgres]'",
                    f"{place.shown}: PostgreSQL's driver is missing:"
                    " pip install 'callmonitor[postgres]'",
                )
            ) from error
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    engine = create_engine(
        URL.create(place.url, database=str(place.file)),
        pool_size=10,
        max_overflow=40,
        json_serializer=_json,
        connect_args={"timeout": BUSY_S},
    )
    event.listen(engine, "connect", _connect_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _connect_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # Python's own guesses about transactions off: `_begin_sqlite` opens them.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    # Every commit is on the disk before it is reported: senders throw away what the store is
    # said to have. With NORMAL a power cut takes back the last commits of a WAL.
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
    # A writer takes the lock before it reads: one that asked for it later could find that
    # what it read is no longer so, and would fail at once instead of waiting.
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("reading", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def _json(value: Any) -> str:
    """JSON as short as it can be: Chinese as it is, but for what has no form in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value) if _HALF.search(text) else text
