"""The agent's live panel: one call as it happens, wide or in a small window."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from monitor.store.schema import User
from monitor.web.deps import Db, find_call, need
from monitor.web.pages import page
from monitor.web.roles import REVIEWERS, Role

router = APIRouter(include_in_schema=False)


@router.get("/panel")
def panel(
    request: Request,
    db: Db,
    user: Annotated[User, need(Role.AGENT, *REVIEWERS)],
    call: Annotated[int | None, Query()] = None,
    compact: Annotated[bool, Query()] = False,
) -> Response:
    """One call (`call`), or the agent's own running one, whichever that is at the time.

    What is shown comes over the WebSocket, which puts the view into the audit
    trail. Only the agent who hears the cards rates them.
    """
    if call is None and not user.agent:
        return RedirectResponse("/wall")
    if call is not None:
        find_call(db, user, call)
    return page(
        request,
        "panel.html",
        call="current" if call is None else call,
        compact=compact,
        may_rate=Role(user.role) is Role.AGENT,
    )
