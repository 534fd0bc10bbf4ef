"""The call page: transcript, player, findings, and what a reviewer says of them."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from monitor.audio import playable
from monitor.quality.review import appeals, transcript, verdicts
from monitor.quality.review.appeal_policy import deadline
from monitor.quality.review.evidence import evidence
from monitor.quality.review.findings import Finding, finding, findings
from monitor.quality.scorecards.settled import settled
from monitor.quality.tables import CallReview
from monitor.store.schema import Call, User, now
from monitor.web.deps import Db, SignedIn, find_call, opened
from monitor.web.pages import page
from monitor.web.qa import scorecards
from monitor.web.review.common import Reviewer, is_agent
from monitor.web.review.recordings import original_of

router = APIRouter()

FLAG = "复核"
"""What the key F sets: this call needs a second look."""

Milliseconds = Annotated[int, Field(ge=0, lt=2**31)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VerdictIn(_Input):
    """A verdict on the finding `ref`."""

    ref: Annotated[str, Field(pattern=r"^(alert|script)-\d{1,9}$")]
    verdict: Literal["right", "wrong", "unsure"]
    reason: Annotated[str, Field(max_length=2000)] = ""


class MissedIn(_Input):
    """A finding that the machine missed: a rule and the words selected."""

    rule: Annotated[str, Field(min_length=1, max_length=200)]
    party: Literal["agent", "customer"]
    start_ms: Milliseconds
    end_ms: Milliseconds
    reason: Annotated[str, Field(max_length=2000)] = ""


@router.get("/calls/{call_id}")
def show(request: Request, db: Db, user: SignedIn, call_id: int) -> HTMLResponse:
    """The page of one call."""
    call = find_call(db, user, call_id)
    opened(db, user, call, "call.view")
    original = original_of(request.app.state.store, db, call)
    reviews = not is_agent(user)
    heard = db.scalars(
        select(User).join(CallReview, CallReview.reviewer_id == User.id).where(
            CallReview.call_id == call.id
        )
    ).all()  # fmt: skip
    return page(
        request,
        "review/call.html",
        call=call,
        audio=original is not None,
        prepared=original is not None and playable.find(original) is not None,
        reviews=reviews,
        flagged=FLAG in call.flags,
        heard=any(one.id == user.id for one in heard),
        heard_by=[one.display or one.name for one in heard],
        settled=settled(db, [call.id]).get(call.id),
        form=scorecards.form_for(db, call, user) if reviews else None,
        **_found(db, user, call),
    )


@router.get("/calls/{call_id}/findings")
def found(request: Request, db: Db, user: SignedIn, call_id: int) -> HTMLResponse:
    """The list of findings alone, for a page whose list has changed."""
    call = find_call(db, user, call_id)
    reviews = not is_agent(user)
    context = _found(db, user, call)
    return page(request, "review/findings.html", call=call, reviews=reviews, **context)


@router.get("/calls/{call_id}/evidence/{ref}")
def shown_evidence(
    request: Request, db: Db, user: SignedIn, call_id: int, ref: str
) -> HTMLResponse:
    """A finding's evidence: expected and heard side by side."""
    call = find_call(db, user, call_id)
    one = finding(db, call, ref)
    kept = evidence(db, call.id, one)
    return page(request, "review/evidence.html", call=call, finding=one, evidence=kept)


@router.get("/api/calls/{call_id}/landmarks")
def landmarks(db: Db, user: SignedIn, call_id: int) -> dict[str, Any]:
    """Silences, overlaps and lost audio of a call."""
    call = find_call(db, user, call_id)
    return transcript.landmarks(db, call.id)


@router.get("/api/calls/{call_id}/transcript")
def portion(
    db: Db,
    user: SignedIn,
    call_id: int,
    after: Annotated[str | None, Query(pattern=r"^\d{1,9}-\d{1,9}$")] = None,
) -> dict[str, Any]:
    """The next portion of the transcript."""
    call = find_call(db, user, call_id)
    start, _, last = (after or "").partition("-")
    return transcript.portion(db, call.id, (int(start), int(last)) if after else None)


@router.get("/api/calls/{call_id}/rules")
def rules_of(db: Db, user: Reviewer, call_id: int) -> list[dict[str, str]]:
    """The rules that judged a call, to choose from for a missed finding."""
    call = find_call(db, user, call_id)
    known = verdicts.rules_of(call)
    return [{"rule": name, "title": title} for name, title in sorted(known.items())]


@router.post("/api/calls/{call_id}/verdicts")
def judge(db: Db, user: Reviewer, call_id: int, given: VerdictIn) -> dict[str, str]:
    """Say whether a finding is right."""
    call = find_call(db, user, call_id)
    one = finding(db, call, given.ref)
    verdicts.judge(db, call, one, given.verdict, given.reason, user.id, now())
    opened(db, user, call, "finding.judge", ref=given.ref, verdict=given.verdict)
    return {
        "ref": given.ref,
        "verdict": given.verdict,
        "reason": given.reason.strip(),
        "reviewer": user.display or user.name,
    }


@router.post("/api/calls/{call_id}/missed", status_code=HTTPStatus.CREATED)
def missed(db: Db, user: Reviewer, call_id: int, given: MissedIn) -> dict[str, str]:
    """Add a finding that the machine missed."""
    call = find_call(db, user, call_id)
    row = verdicts.add_missed(
        db, call, given.rule, given.party, given.start_ms, given.end_ms, given.reason,
        user.id, now(),
    )  # fmt: skip
    opened(db, user, call, "finding.add", rule=given.rule)
    return {"ref": f"missed-{row.id}", "quote": row.quote}


@router.delete("/api/calls/{call_id}/missed/{number}", status_code=HTTPStatus.NO_CONTENT)
def unmissed(
    db: Db, user: Reviewer, call_id: int, number: Annotated[int, Path(ge=0, lt=2**31)]
) -> Response:
    """Take back a finding that somebody added."""
    call = find_call(db, user, call_id)
    verdicts.remove_missed(db, call, number)
    opened(db, user, call, "finding.remove", number=number)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.put("/api/calls/{call_id}/flag")
def flag(
    db: Db, user: Reviewer, call_id: int, on: Annotated[bool, Body(embed=True)]
) -> dict[str, bool]:
    """Mark a call for a second look, or take the mark away."""
    call = find_call(db, user, call_id)
    others = [name for name in call.flags if name != FLAG]
    call.flags = [*others, FLAG] if on else others
    opened(db, user, call, "call.flag", on=on)
    return {"on": on}


@router.put("/api/calls/{call_id}/heard")
def heard_whole(
    db: Db, user: Reviewer, call_id: int, on: Annotated[bool, Body(embed=True)]
) -> dict[str, bool]:
    """Say that the whole call was heard and that whatever was missed has been added."""
    call = find_call(db, user, call_id)
    verdicts.heard_whole(db, call, user.id, on, now())
    opened(db, user, call, "call.heard", on=on)
    return {"on": on}


def _found(db: Session, user: User, call: Call) -> dict[str, Any]:
    """The findings, and what stands with the appeals against them."""
    filed = appeals.of_call(db, call.id)
    moment = now()
    own = is_agent(user)
    all_found = findings(db, call)
    return {
        "findings": [one for one in all_found if not own or _for_agents(one)],
        "appeals": {f"alert-{appeal.alert_id}": appeal for appeal in filed},
        "refusals": {
            one.ref: appeals.why_not(db, call, one.id, moment, filed)
            for one in all_found
            if one.kind == "alert"
        }
        if own
        else {},
        "appeal_until": _until(db, call) if own else None,
    }


def _until(db: Session, call: Call) -> datetime:
    return deadline(appeals.policy(db), call.received_at)


def _for_agents(one: Finding) -> bool:
    """Agents see what concerns them: alerts (struck out ones too), what reviewers added."""
    return one.kind != "script" and one.state != "retracted"
