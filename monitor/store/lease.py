"""Which live calls still have a living writer: a lock per process, never a guess.

Every process that writes live calls holds one lock, under a number that its
calls carry. The system lets go of it when the process dies, however it dies:
PostgreSQL's advisory lock with its connection, SQLite's own file lock with
the process. Whoever then gets the lock knows that the calls of that number
have no writer any more, without clocks or timeouts.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, exists, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from monitor.base import private
from monitor.base.i18n import tr
from monitor.store.place import Place
from monitor.store.problems import StoreError
from monitor.store.schema import Call

_BITS = 62  # PostgreSQL's locks and both databases' integers are signed, of 64 bits


class Lease:
    """This process's lock on one store; taken when its first live call begins."""

    def __init__(self, place: Place, engine: Engine) -> None:
        self._folder = place.locks
        self._engine = engine
        self._guard = threading.Lock()
        self._number: int | None = None
        self._file: sqlite3.Connection | None = None
        self._connection: Connection | None = None
        self._doubted = False

    @property
    def number(self) -> int:
        """What the live calls of this process carry in `Call.writer`.

        Raises:
            StoreError: the lock's file cannot be written.
        """
        with self._guard:
            if self._number is None or (self._doubted and not self._holds()):
                # Another program may have got the old number's lock and be looking at its calls.
                self._let_go()
                self._number = self._take(secrets.randbits(_BITS))
            self._doubted = False
            return self._number

    def doubt(self) -> None:
        """A connection was lost: look whether the lock is still held before relying on it."""
        self._doubted = True

    def has_died(self, session: Session, number: int) -> bool:
        """Whether the writer of that number is gone."""
        if number == self._number:
            return False
        if self._folder is None:
            free = session.scalar(text("SELECT pg_try_advisory_xact_lock(:n)"), {"n": number})
            return bool(free)
        return _try(self._folder / f"{number:x}.lock")

    def release(self) -> None:
        with self._guard:
            self._let_go()

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
        if self._connection is not None:
            self._connection.close()
        if self._folder is not None and self._number is not None:
            (self._folder / f"{self._number:x}.lock").unlink(missing_ok=True)
        self._number = self._file = self._connection = None

    def _holds(self) -> bool:
        """Whether the lock is still ours: a file's is as long as we live, a server's as long as
        its connection."""
        if self._connection is None:
            return self._file is not None
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            return False
        return True

    def _take(self, number: int) -> int:
        if self._folder is None:
            self._connection = self._engine.connect()
            # Outside a transaction, so that the connection rests without holding anything else.
            self._connection = self._connection.execution_options(isolation_level="AUTOCOMMIT")
            self._connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": number})
            self._connection.detach()
        else:
            self._file = _lock(self._folder / f"{number:x}.lock")
        return number


def any_live(session: Session) -> bool:
    """Whether any call is live."""
    return bool(session.scalar(select(exists().where(Call.status == "live"))))


def mark_interrupted(session: Session, lease: Lease) -> list[int]:
    """Mark live calls whose writer has died as interrupted; returns their ids."""
    live = Call.status == "live"
    writers = session.scalars(select(Call.writer).where(live).distinct()).all()
    dead = [number for number in writers if number and lease.has_died(session, number)]
    if not dead:
        return []
    gone = update(Call).where(live, Call.writer.in_(dead)).returning(Call.id)
    return list(session.scalars(gone.values(status="interrupted", writer=None)))


def _lock(path: Path) -> sqlite3.Connection:
    """Hold `path` with an exclusive lock of SQLite's, which every system it runs on has."""
    try:
        private.make_folder(path.parent)
        private.make_file(path)
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = MEMORY")  # no second file beside it
        connection.execute("BEGIN EXCLUSIVE")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            tr(
                f"{path}：不能写入：{error}。请检查磁盘空间和权限",
                f"{path}: cannot be written: {error}; check disk space and permissions",
            )
        ) from error
    return connection


def _try(path: Path) -> bool:
    """Whether nobody holds `path`; if so, it is removed."""
    if not path.exists():
        return True
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    path.unlink(missing_ok=True)
    return True
