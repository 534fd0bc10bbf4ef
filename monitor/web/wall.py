"""The supervisor's wall: every running call, its alerts, and a way into each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from monitor.store.schema import User
from monitor.web.deps import need
from monitor.web.pages import page
from monitor.web.roles import Role

router = APIRouter(include_in_schema=False)


@router.get("/wall")
def wall(request: Request, _user: Annotated[User, need(Role.SUPERVISOR, Role.QA)]) -> Response:
    """The page; the calls come over /ws/wall."""
    return page(request, "wall.html")
