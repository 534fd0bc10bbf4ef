"""What an API token may do, beside what its user may."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from starlette.requests import HTTPConnection

from monitor.base.i18n import tr

DAYS = 365
"""How long a token lasts unless whoever makes it says otherwise."""

LONGEST_DAYS = 3_650

_SEND = "/ws/ingest"
_PEOPLE = ("/account", "/admin", "/login", "/logout", "/setup", "/settings")
"""Where accounts are changed and tokens made: a program's token does not make itself another."""

_READING = frozenset({"GET", "HEAD"})


class Scope(StrEnum):
    """`send`: calls from an agent's machine or a gateway. `read`: what only asks."""

    FULL = "full"
    READ = "read"
    SEND = "send"


def allows(scope: str, connection: HTTPConnection) -> bool:
    """Whether a token of this scope is good for this request."""
    path: str = connection.scope["path"]
    if path.startswith(_PEOPLE):
        return False
    if scope == Scope.FULL:
        return True
    if scope == Scope.SEND:
        return path in (_SEND, "/api/me")
    reading = connection.scope["type"] == "websocket" or connection.scope["method"] in _READING
    return scope == Scope.READ and reading and path != _SEND


def lasting(days: int) -> timedelta | None:
    """How long a token lasts; 0 days: until it is revoked."""
    return timedelta(days=days) if days else None


def names() -> dict[str, str]:
    """Every scope and what it is called."""
    return {
        Scope.SEND: tr("只发送通话", "send calls only"),
        Scope.READ: tr("只读", "read only"),
        Scope.FULL: tr("全部", "everything"),
    }
