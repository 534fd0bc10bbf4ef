"""Cross-site request forgery: what changes something must come from a page of ours.

Every browser we support (Chromium 80, Firefox 90, Safari 16.4 and their descendants) says where a
changing request comes from: `Sec-Fetch-Site` over TLS and on localhost, and `Origin` with every
POST, PUT, PATCH and DELETE, also over plain HTTP. A page cannot change either header. A request
that says neither comes from no such browser and is refused; programs use API tokens.
Source: OWASP's Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers".
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import HTTPException, WebSocketException
from starlette.requests import HTTPConnection

from monitor.base.i18n import tr

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OURS = frozenset({"same-origin", "none"})  # "none": the person, not a page, sent it


async def protect(connection: HTTPConnection) -> None:
    """Dependency of the whole application.

    A request that carries an API token is not asked: no browser adds that header by
    itself. Other kinds of `Authorization` are ones that browsers do add.

    Raises:
        HTTPException: 403, a changing request from a page that is not ours.
        WebSocketException: a page of another origin opens a WebSocket.
    """
    if connection.headers.get("authorization", "").lower().startswith("bearer "):
        return
    if connection.scope["type"] == "websocket":
        if not _may_open(connection):
            raise WebSocketException(1008)
        return
    if connection.scope["method"] not in _SAFE and not _is_ours(connection):
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            tr(
                "这个请求不是从本站的页面发出的；请在页面上操作，程序请用 API 令牌",
                "this request does not come from a page of this site; use the page, or an API "
                "token in a program",
            ),
        )


def _is_ours(connection: HTTPConnection) -> bool:
    site = connection.headers.get("sec-fetch-site")
    if site is not None and site not in _OURS:
        return False
    origin = connection.headers.get("origin")
    return site is not None if origin is None else _same_origin(connection, origin)


def _may_open(connection: HTTPConnection) -> bool:
    """Browsers name the origin of every WebSocket; other programs do not, and bring a token."""
    origin = connection.headers.get("origin")
    return origin is None or _same_origin(connection, origin)


def _same_origin(connection: HTTPConnection, origin: str) -> bool:
    theirs = urlsplit(origin).netloc.lower()
    return theirs in (connection.headers.get("host", "").lower(), *_origins(connection))


def _origins(connection: HTTPConnection) -> tuple[str, ...]:
    """Where users reach this server through a proxy that does not pass their port on."""
    public: str | None = connection.app.state.settings.public_url
    return (urlsplit(public).netloc.lower(),) if public else ()
