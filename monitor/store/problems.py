"""What a database says when something is wrong, as one line for the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError

from monitor.base.errors import UserError
from monitor.base.files import OutputError
from monitor.base.i18n import tr

_FULL = ("database or disk is full", "No space left", "could not extend file")
_LOCKED = ("database is locked", "database table is locked")
_IN_THE_WAY = ("40001", "40P01", "55P03")  # two transactions that could not both go on
_OUT_OF_RANGE = "22003"
_READ_ONLY = ("readonly database", "read-only transaction", "unable to open database file")
_BROKEN = ("not a database", "malformed", "disk I/O error")


class StoreError(OutputError):
    """The store cannot be used: full, locked, read-only, broken or out of reach."""


class NumberError(UserError):
    """A number that no column holds: whoever asked for it asked for nothing that is there."""


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn the failures that a user can mend into a `StoreError` that names the store.

    Anything else – a statement that is wrong, a rule of the tables that is broken –
    is a defect of the program and passes through.
    """
    try:
        yield
    except OverflowError as error:
        if "SQLite" not in str(error):
            raise
        raise _out_of_range() from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _OUT_OF_RANGE:
            raise _out_of_range() from error
        reason = None if isinstance(error, IntegrityError) else _reason(error)
        if reason is None:
            raise
        raise StoreError(f"{shown}: {reason}") from error


def _out_of_range() -> NumberError:
    return NumberError(tr("数字超出范围", "a number is out of range"))


def _reason(error: DBAPIError) -> str | None:
    said = " ".join(str(error.orig).split())
    # PostgreSQL's conditions by their class: 53 out of resources, 08 and 28 connection and
    # login, 3D no such database, 57 the server stops, 42501 not permitted.
    state: str = getattr(error.orig, "sqlstate", None) or ""
    told = {
        tr("磁盘已满，请腾出空间后重试", "the disk is full; make room and try again"): (
            state == "53100" or any(sign in said for sign in _FULL)
        ),
        tr("被别的程序占用太久，请稍后重试", "busy for too long; try again later"): (
            state in _IN_THE_WAY or any(sign in said for sign in _LOCKED)
        ),
        tr(
            "不能写入，请检查文件夹和权限", "cannot be written; check the folder and permissions"
        ): any(sign in said for sign in _READ_ONLY),
        tr(
            f"不是完好的数据库({said})，请从备份恢复或换一个位置",
            f"not a sound database ({said}); restore a backup or use another place",
        ): any(sign in said for sign in _BROKEN),
        tr(f"没有权限：{said}", f"not permitted: {said}"): state == "42501",
        tr(f"数据库连接不上：{said}", f"cannot reach the database: {said}"): (
            error.connection_invalidated
            or state[:2] in ("08", "28", "3D", "53", "57")
            or (type(error.orig).__name__ == "OperationalError" and not state and _no_sqlite(error))
        ),
    }
    return next((reason for reason, holds in told.items() if holds), None)


def _no_sqlite(error: DBAPIError) -> bool:
    """SQLite calls statements that are wrong operational errors, too."""
    return not isinstance(error.orig, sqlite3.Error)
