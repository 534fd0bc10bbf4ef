"""Cross-site request forgery: a token in every form, the origin of every WebSocket."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import HTTPException, WebSocketException
from starlette.requests import HTTPConnection, Request

from monitor.base.i18n import tr

HEADER = "X-CSRF-Token"
FIELD = "csrf"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def token(connection: HTTPConnection) -> str:
    """The token of this browser's session, made at its first use."""
    kept = connection.session.get("csrf")
    if not isinstance(kept, str):
        kept = secrets.token_urlsafe(24)
        connection.session["csrf"] = kept
    return kept


async def protect(connection: HTTPConnection) -> None:
    """Dependency of the whole application.

    A request that carries an API token needs no CSRF token: no browser adds
    that header by itself.

    Raises:
        HTTPException: 403, a changing request from a page that is not ours.
        WebSocketException: a page of another origin opens a WebSocket.
    """
    if connection.headers.get("authorization"):
        return
    if connection.scope["type"] == "websocket":
        if not _same_origin(connection):
            raise WebSocketException(1008)
        return
    if connection.scope["method"] in _SAFE:
        return
    if not _same_origin(connection) or not await _token_matches(connection):
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            tr(
                "页面已过期或来自其他网站，请刷新后重试",
                "this page is out of date or from another site; reload it and try again",
            ),
        )


def _same_origin(connection: HTTPConnection) -> bool:
    """A browser names the origin of what it sends; other programs do not."""
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    theirs = urlsplit(origin).netloc.lower()
    return theirs in (connection.headers.get("host", "").lower(), *_origins(connection))


def _origins(connection: HTTPConnection) -> tuple[str, ...]:
    """Where users reach this server through a proxy that does not pass their port on."""
    public: str | None = connection.app.state.settings.public_url
    return (urlsplit(public).netloc.lower(),) if public else ()


async def _token_matches(connection: HTTPConnection) -> bool:
    kept = connection.session.get("csrf")
    given: object = connection.headers.get(HEADER)
    kind = connection.headers.get("content-type", "")
    if given is None and isinstance(connection, Request) and kind.startswith(_FORMS):
        given = (await connection.form()).get(FIELD)
    return (
        isinstance(kept, str)
        and isinstance(given, str)
        and secrets.compare_digest(kept.encode(), given.encode())
    )
