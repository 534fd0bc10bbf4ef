"""Reports: of a period, an agent or a call; to read, to print, as a file."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal, cast
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from monitor.base.i18n import tr
from monitor.base.time_zone import local_zone
from monitor.quality import wording
from monitor.quality.periods import Per, Span, span_of
from monitor.quality.reports import extracts, report, sheets, summary, totals
from monitor.quality.reports.report import Look
from monitor.quality.reports.sheets import MIME, Format, Sheet
from monitor.store import audit
from monitor.store.schema import User, now
from monitor.web.deps import Db, SignedIn, find_call, leave, need, opened
from monitor.web.pages import page
from monitor.web.qa.calls import names_of
from monitor.web.qa.periods import PeriodQuery, choices
from monitor.web.roles import REVIEWERS, Role

router = APIRouter(include_in_schema=False)

Reviewer = Annotated[User, need(*REVIEWERS)]
Asked = Annotated[PeriodQuery, Query()]
Form = Literal["html", "pdf", "xlsx", "csv", "jsonl"]

_CSS = "/reports/print.css"
_PAST: dict[Per, int] = {"day": 7, "week": 5, "month": 6}  # how many earlier periods are listed


@router.get("/reports")
def table(request: Request, db: Db, _user: Reviewer, asked: Asked) -> HTMLResponse:
    """The reports that can be had."""
    scope = asked.scope()
    return page(
        request,
        "qa/reports.html",
        asked=asked,
        periods=choices(),
        span=wording.span(scope.span),
        now=totals.totals(db, scope),
        agents=totals.grouped(db, scope, "agent"),
        all_agents=names_of(db, "agent"),
        queues=names_of(db, "queue"),
        past=_past(),
        w=wording,
    )


@router.get("/reports/print.css", dependencies=[need()])
def style() -> Response:
    """The style sheet of printed reports."""
    return Response(report.style(), media_type="text/css")


@router.get("/reports/period.{form}")
def of_period(db: Db, user: Reviewer, form: Form, asked: Asked) -> Response:
    """The report of a period."""
    scope = asked.scope()
    found = summary.gather(db, scope)
    _noted(db, user, f"{report.heading(scope)}", form)
    if form in ("html", "pdf"):
        look = _look(form, f"/reports?{asked.address()}")
        return _page(report.of_summary(found, look), form, "report")
    return _file(extracts.of_summary(found), cast("Format", form), "report")


@router.get("/reports/agent.{form}")
def of_agent(db: Db, user: Reviewer, form: Form, asked: Asked) -> Response:
    """The report of an agent."""
    scope = asked.scope()
    if not scope.agent:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    found = summary.gather_agent(db, scope)
    _noted(db, user, f"agent {scope.agent}", form)
    if form in ("html", "pdf"):
        look = _look(form, f"/reports?{asked.address(agent=None)}")
        return _page(report.of_agent(found, look), form, f"agent-{scope.agent}")
    name = f"agent-{scope.agent}"
    return _file(extracts.of_summary(found.own), cast("Format", form), name)


@router.get("/calls/{call_id}/report.{form}")
def of_call(db: Db, user: SignedIn, call_id: int, form: Literal["html", "pdf"]) -> Response:
    """The report of a call."""
    call = find_call(db, user, call_id)
    opened(db, user, call, "call.export", format=form)
    look = _look(form, f"/calls/{call.id}")
    made = report.of_call(db, call, look, reviews=Role(user.role) is not Role.AGENT)
    return _page(made, form, f"call-{call.id}")


def _look(form: str, back: str) -> Look:
    """A page shown by this server may not carry its style inside; a file must."""
    css = _CSS if form == "html" else ""
    return Look(now(), local_zone(), css, back)


def _page(html: str, form: str, name: str) -> Response:
    if form == "html":
        return HTMLResponse(html)
    return Response(report.to_pdf(html), media_type="application/pdf", headers=_named(name, "pdf"))


def _file(found: list[Sheet], form: Format, name: str) -> Response:
    return Response(sheets.write(found, form), media_type=MIME[form], headers=_named(name, form))


def _named(name: str, form: str) -> dict[str, str]:
    moment = now().astimezone(local_zone())
    full = quote(f"{name}-{moment:%Y%m%d}.{form}")
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{full}"}


def _noted(db: Session, user: User, what: str, form: str) -> None:
    with leave(db) as session:
        audit.record(session, user.name, user.id, "report.export", what, format=form)


def _past() -> list[tuple[str, list[tuple[str, str]]]]:
    """The last whole days, weeks and months, with the addresses of their reports."""
    today = now().astimezone(local_zone()).date()
    titles: dict[Per, str] = {
        "day": tr("日报", "Daily"),
        "week": tr("周报", "Weekly"),
        "month": tr("月报", "Monthly"),
    }
    found = []
    for per, count in _PAST.items():
        span = span_of(today, per)
        rows = []
        for _ in range(count):
            span = span_of(span.since - timedelta(days=1), per)
            rows.append((wording.span(span), _dates(span)))
        found.append((titles[per], rows))
    return found


def _dates(span: Span) -> str:
    query: dict[str, Any] = {"since": span.since, "until": span.until - timedelta(days=1)}
    return PeriodQuery(**query).address(period="custom")
