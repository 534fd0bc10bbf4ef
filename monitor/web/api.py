"""The JSON API: calls, their export, what is running, thumbs. Described by its own OpenAPI."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.security import APIKeyCookie, HTTPBearer
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator
from sqlalchemy import delete, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from monitor.base.i18n import tr
from monitor.events import Direction, Severity
from monitor.store import read
from monitor.store.schema import Alert, Call, Thumb, User, now
from monitor.web import deps
from monitor.web.deps import Db, find_call, need, noted, opened, visible_calls
from monitor.web.hub import Hub, LiveCall
from monitor.web.intake import Intake
from monitor.web.roles import Role

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
SETTLE_S = 5.0
"""How long a thumb waits for its alert to reach the store."""


class Me(BaseModel):
    """Who is signed in."""

    id: int
    name: str
    display: str
    role: Role
    agent: str | None


class CallRow(BaseModel):
    """A call in a list. `alerts` counts standing alerts by severity.

    `score`, `grade` and `fatal_items` are those that count; `score_from` says whether people
    settled them. `machine_score` is the machine's own.
    """

    id: int
    key: str
    name: str
    status: str
    started_at: datetime
    duration_ms: int
    agent: str | None
    queue: str | None
    direction: str | None
    tier: str | None
    released_by: str | None
    score: float | None
    score_max: float | None
    grade: str
    score_from: Literal["machine", "people"]
    machine_score: float | None
    fatal_items: int
    alerts: dict[Severity, int]
    scripts_met: int
    scripts_missed: int
    gaps: int
    flags: list[str]
    has_audio: bool


class CallList(BaseModel):
    """Some of the calls found; `total` is how many there are in all."""

    total: int
    calls: list[CallRow]


class NumberedEvent(BaseModel):
    """An event as docs/call-json.md has it, its number and the call time it came at."""

    seq: int
    now_ms: int
    event: dict[str, Any]


class ThumbValue(BaseModel):
    """1: helpful, -1: not helpful, 0: taken back."""

    value: Literal[-1, 0, 1]


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("no NUL characters")
    return text


def _written(moment: Any) -> Any:
    """A moment as RFC 3339 writes it; pydantic would take a bare number for one, too."""
    if isinstance(moment, str) and not _DATE_TIME.match(moment):
        raise ValueError("a moment such as 2026-11-20T19:30:00+08:00")
    return moment


def _in_reach(moment: datetime) -> datetime:
    """A moment that can be told in UTC: there are those at the ends of the calendar that cannot."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the calendar") from error


Words = Annotated[str | None, Query(max_length=200), AfterValidator(lambda v: v and _plain(v))]
Moment = Annotated[
    AwareDatetime | None,
    BeforeValidator(_written),
    AfterValidator(lambda v: v and _in_reach(v)),
]
CallId = Annotated[int, Path(description="the call's number")]
Signed = Annotated[User, need()]

router = APIRouter(
    prefix="/api",
    dependencies=[
        Depends(HTTPBearer(auto_error=False, description="an API token")),
        Depends(APIKeyCookie(name="monitor_session", auto_error=False)),
    ],
)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, _user: Signed) -> Response:
    return JSONResponse(request.app.openapi())


@router.get("/me")
def me(user: Signed) -> Me:
    """Who the token or the session belongs to."""
    return Me(
        id=user.id, name=user.name, display=user.display, role=Role(user.role), agent=user.agent
    )


@router.get("/live")
def running(
    request: Request, _user: Annotated[User, need(Role.SUPERVISOR, Role.QA)]
) -> list[dict[str, Any]]:
    """The running calls, as the wall shows them."""
    hub: Hub = request.app.state.hub
    return list(hub.cards().values())


@router.get("/calls")
def calls(
    db: Db,
    user: Signed,
    since: Moment = None,
    until: Moment = None,
    agent: Words = None,
    queue: Words = None,
    direction: Direction | None = None,
    tier: Words = None,
    status: Literal["live", "complete", "interrupted", "failed"] | None = None,
    score_min: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    score_max: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    severity: Severity | None = None,
    fatal: bool | None = None,
    rule: Words = None,
    missed: Words = None,
    flag: Words = None,
    name: Words = None,
    text: Words = None,
    sound: Words = None,
    sort: Annotated[str, Query(json_schema_extra={"enum": sorted(read.SORTS)})] = "started_at",
    descending: bool = True,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> CallList:
    """Calls that the user may see. `text`: all these words were said; `sound`: something that
    sounds like this was said; `rule`, `missed`: ids of a rule that was hit, a script missed."""
    if sort not in read.SORTS:
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"sort: {', '.join(sorted(read.SORTS))}"
        )
    which = read.CallFilter(
        since=since,
        until=until,
        agent=agent,
        queue=queue,
        direction=direction,
        tier=tier,
        status=status,
        score_min=score_min,
        score_max=score_max,
        severity=severity,
        fatal=fatal,
        rule=rule,
        missed=missed,
        flag=flag,
        name=name,
        text=text,
        sound=sound,
    )
    found = read.list_calls(
        db,
        which,
        visible=[visible_calls(user)],
        sort=sort,
        descending=descending,
        offset=offset,
        limit=limit,
    )
    if text or sound:  # what somebody looks for among what was said tells of it
        noted(db, user, "calls.search", f"{found.total} calls", text=text, sound=sound)
    return CallList(total=found.total, calls=[_row(call) for call in found.calls])


@router.get("/calls/{call_id}")
def call(db: Db, user: Signed, call_id: CallId) -> CallRow:
    """One call's figures."""
    found = find_call(db, user, call_id)
    opened(db, user, found, "call.view", by="api")
    return _row(found)


@router.get("/calls/{call_id}/export")
def export(db: Db, user: Signed, call_id: CallId) -> dict[str, Any]:
    """The call as call JSON (docs/call-json.md); a running one as far as it has come."""
    found = find_call(db, user, call_id)
    opened(db, user, found, "call.export", by="api")
    return read.call_json(db, found.id)


@router.get("/calls/{call_id}/events")
def call_events(
    db: Db,
    user: Signed,
    call_id: CallId,
    first: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000,
) -> list[NumberedEvent]:
    """The events of a call that was live, from the number `first` on."""
    found = find_call(db, user, call_id)
    opened(db, user, found, "call.view", by="api", events=first)
    return [
        NumberedEvent(seq=seq, now_ms=now_ms, event=event)
        for seq, now_ms, event in read.events(db, found.id, first, limit)
    ]


@router.post("/calls/{call_id}/alerts/{alert}/thumb")
async def thumb(
    request: Request,
    user: Signed,
    call_id: CallId,
    alert: Annotated[str, Path(max_length=200), AfterValidator(_plain)],
    given: ThumbValue,
) -> ThumbValue:
    """What somebody thinks of a card. A running call's newest alerts may still be on their way
    to the store; they are waited for."""
    hub: Hub = request.app.state.hub
    intake: Intake = request.app.state.intake
    running = hub.get(call_id)
    if running is not None:
        with suppress(TimeoutError):  # then it is looked for in what there is
            await asyncio.wait_for(intake.settled(running), SETTLE_S)
    await run_in_threadpool(_keep_thumb, request, user, call_id, alert, given.value)
    if running is not None:
        _show_thumb(running, user, alert, given.value)
    return given


def _keep_thumb(request: Request, user: User, call_id: int, key: str, value: int) -> None:
    with deps.settings(request).store.session() as session:
        call = find_call(session, user, call_id)
        alert = session.scalar(select(Alert.id).where(Alert.call_id == call.id, Alert.key == key))
        if alert is None:
            raise HTTPException(
                HTTPStatus.NOT_FOUND, tr(f"没有告警 {key}", f"there is no alert {key}")
            )
        own = (Thumb.alert_id == alert, Thumb.user_id == user.id)
        session.execute(delete(Thumb).where(*own))
        if value:
            session.add(Thumb(alert_id=alert, user_id=user.id, value=value, at=now()))


def _show_thumb(running: LiveCall, user: User, alert: str, value: int) -> None:
    """For the snapshot that the user's panel gets when it comes back."""
    own = running.thumbs.setdefault(user.id, {})
    if value:
        own[alert] = value
    else:
        own.pop(alert, None)


def _row(call: Call) -> CallRow:
    return CallRow(
        id=call.id,
        key=call.key,
        name=call.name,
        status=call.status,
        started_at=call.started_at,
        duration_ms=call.duration_ms,
        agent=call.agent,
        queue=call.queue,
        direction=call.direction,
        tier=call.tier,
        released_by=call.released_by,
        score=call.final_score,
        score_max=call.final_max,
        grade=call.final_grade,
        score_from="machine" if call.people_card is None else "people",
        machine_score=call.score,
        fatal_items=call.final_fatal,
        alerts={level: getattr(call, f"alerts_{level.value}") for level in Severity},
        scripts_met=call.scripts_met,
        scripts_missed=call.scripts_missed,
        gaps=call.gaps,
        flags=[str(flag) for flag in call.flags],
        has_audio=call.audio_digest is not None,
    )
