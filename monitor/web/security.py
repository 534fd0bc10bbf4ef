"""What every request passes: host check, size limit, language, security headers.

Plain ASGI, so that WebSockets and streamed files pass it too.
"""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.base.i18n import language, tr, use_language
from monitor.web.settings import WebSettings

# Everything comes from this server and nothing is inline; blob: is audio decoded in the page.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS = "max-age=31536000"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class SecurityHeaders:
    """Adds the security headers to every answer; what is not an asset is not cached."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._https:
                    headers.setdefault("Strict-Transport-Security", _HSTS)
                asset = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if asset else "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HostCheck:
    """Answers to the server's own names only: a foreign name may be DNS rebinding."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._names = {name.lower() for name in settings.hosts}
        self._any_address = settings.any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            host = host_name(Headers(scope=scope).get("host", ""))
            if host not in self._names and not (self._any_address and _is_address(host)):
                text = tr("本服务器不以此名称提供服务", "this server does not answer to that name")
                await refuse(scope, receive, send, HTTPStatus.MISDIRECTED_REQUEST, text)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses a request body over the limit, announced or not. WebSockets have their own.

    Recordings may be larger, on the paths that take them. A form is read before
    anybody asks who sent it, so a large one is taken only from a signed-in browser.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit(scope, headers)
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await refuse(scope, receive, send, _TOO_LARGE, _too_large(limit))
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    raise HTTPException(_TOO_LARGE, _too_large(limit))
            return message

        await self._app(scope, bounded, send)

    def _limit(self, scope: Scope, headers: Headers) -> int:
        if not scope["path"].startswith(self._settings.upload_paths):
            return self._settings.body_bytes
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in _FORMS and not scope["session"].get("user"):
            return self._settings.body_bytes
        return self._settings.upload_bytes


def _too_large(limit: int) -> str:
    size = f"{limit / 1024**2:g} MiB"
    return tr(f"内容过大（上限 {size}）", f"too large (the limit is {size})")


class PageLanguage:
    """Sets the language of `tr` for a request, from its cookie; Chinese without one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        before = language()
        use_language("en" if _cookie(scope, "lang") == "en" else "zh")
        try:
            await self._app(scope, receive, send)
        finally:
            use_language(before)


def host_name(host: str) -> str:
    """The name in a Host header, without its port, in lower case."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()


async def refuse(scope: Scope, receive: Receive, send: Send, status: HTTPStatus, text: str) -> None:
    """Answer before the application is reached; a WebSocket is turned down."""
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
    else:
        await PlainTextResponse(text, status)(scope, receive, send)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _cookie(scope: Scope, name: str) -> str | None:
    try:
        cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return None
    return cookies[name].value if name in cookies else None
