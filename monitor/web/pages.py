"""Rendering a page: the one place that knows what every template may use."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from monitor.base.i18n import language, tr
from monitor.store.schema import User
from monitor.web import look, nav
from monitor.web.roles import Role

HERE = Path(__file__).parent
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Message:
    """A line at the head of the next page; `kind` is ok, info, warn or error."""

    text: str
    kind: str = "info"


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    messages: tuple[Message, ...] = (),
    **context: Any,
) -> HTMLResponse:
    """The page of a template, in the reader's language, with what the layout needs.

    Templates have `t(zh, en)`, `static(path)`, `lang`, `theme`, `user` (None:
    nobody signed in), `nav`, `path`, `demo`, `messages` and `version`
    beside their own context.
    """
    user: User | None = getattr(request.state, "user", None)
    theme = request.cookies.get("theme")
    here = request.url.path
    shared = {
        "lang": language(),
        "theme": theme if theme in THEMES else "auto",
        "user": user,
        "nav": nav.groups(Role(user.role), here, request.app.state.paths) if user else [],
        "path": here,
        "demo": request.app.state.settings.demo,
        "messages": [*_flashed(request), *messages],
        "request": request,
    }
    templates: Environment = request.app.state.templates
    text = templates.get_template(template).render(shared | context)
    return HTMLResponse(text, status, headers)


def flash(request: Request, text: str, kind: str = "ok") -> None:
    """Say something on the next page this browser sees, after a redirect."""
    kept = request.session.get("messages", [])
    request.session["messages"] = [*kept, [text[:300], kind]][-5:]


def environment() -> Environment:
    """Where templates come from. A name that a page was not given is an error, not a blank."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(t=tr, static=_static, version=version("callmonitor"))
    look.furnish(made)
    return made


def _static(path: str) -> str:
    return f"/static/{path}"


def _flashed(request: Request) -> list[Message]:
    kept = request.session.pop("messages", [])
    return [Message(text, kind) for text, kind in kept]
