"""What somebody sees when a request cannot be served: a page, or JSON under /api."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.web.deps import NotSignedInError
from monitor.web.pages import page


class Problem(BaseModel):
    """Why a request could not be served."""

    detail: str | list[dict[str, str]]


RESPONSES: Mapping[int, Mapping[str, Any]] = MappingProxyType(
    {
        status: {"model": Problem, "description": text}
        for status, text in (
            (400, "the request makes no sense"),
            (401, "not signed in"),
            (403, "not allowed, or the CSRF token is missing"),
            (404, "no such thing, or not yours to see"),
            (413, "too large"),
            (422, "a parameter is not what it should be"),
        )
    }
)
"""What any operation of the API may answer beside what it is for."""


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(NotSignedInError, _not_signed_in)
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)


def _not_signed_in(request: Request, _error: Exception) -> Response:
    if _wants_json(request):
        headers = {"WWW-Authenticate": "Bearer"}
        text = tr("请先登录或提供 API 令牌", "sign in first or send an API token")
        return JSONResponse({"detail": text}, HTTPStatus.UNAUTHORIZED, headers)
    if request.method != "GET":
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    target = "/login" if here == "/" else f"/login?next={quote(here, safe='')}"
    return RedirectResponse(target, HTTPStatus.SEE_OTHER)


def _user_error(request: Request, error: Exception) -> Response:
    return _say(request, HTTPStatus.BAD_REQUEST, str(error))


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    text = error.detail if error.detail != status.phrase else _phrase(status)
    return _say(request, status, text, dict(error.headers or {}))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(str(part) for part in item["loc"]), "what": str(item["msg"])}
        for item in error.errors()
    ]
    if _wants_json(request):
        return JSONResponse({"detail": found}, HTTPStatus.UNPROCESSABLE_ENTITY)
    text = "; ".join(f"{item['where']}: {item['what']}" for item in found)
    return _say(request, HTTPStatus.UNPROCESSABLE_ENTITY, text)


def _say(
    request: Request, status: HTTPStatus, text: str, headers: dict[str, str] | None = None
) -> Response:
    if status < 200 or status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return Response(status_code=status, headers=headers)
    if _wants_json(request):
        return JSONResponse({"detail": text}, status, headers)
    return page(request, "error.html", status=status, headers=headers, code=int(status), text=text)


def _wants_json(request: Request) -> bool:
    """The API gets JSON, and scripts that ask for it; whoever reads pages gets a page."""
    accepted = request.headers.get("accept", "")
    asked = "application/json" in accepted and "text/html" not in accepted
    return asked or request.url.path.startswith("/api/")


def _phrase(status: HTTPStatus) -> str:
    texts = {
        HTTPStatus.NOT_FOUND: tr("没有这个页面", "there is no such page"),
        HTTPStatus.METHOD_NOT_ALLOWED: tr("不支持这种请求", "this page does not do that"),
    }
    return texts.get(status, status.phrase)
