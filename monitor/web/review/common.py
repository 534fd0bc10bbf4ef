"""What the pages of the review share."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import HTTPException
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse

from monitor.store.schema import User
from monitor.web.deps import need
from monitor.web.roles import REVIEWERS, Role

Reviewer = Annotated[User, need(*REVIEWERS)]
"""Who may judge the machine's findings."""
Organiser = Annotated[User, need(Role.TRAINER, Role.SUPERVISOR)]
"""Who sets the rules of appeals and calls people to a calibration."""

LARGEST = 2**31
"""Numbers of rows are below this, in every database."""


def is_agent(user: User) -> bool:
    return Role(user.role) is Role.AGENT


def organises(user: User) -> bool:
    return Role(user.role) in (Role.TRAINER, Role.SUPERVISOR, Role.ADMIN)


def see(path: str) -> RedirectResponse:
    """After a form was taken: go and look."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def not_found(text: str) -> HTTPException:
    return HTTPException(HTTPStatus.NOT_FOUND, text)


def forbidden(text: str) -> HTTPException:
    return HTTPException(HTTPStatus.FORBIDDEN, text)


async def form_fields(request: Request) -> FormData:
    """The fields of a form whose names are not known beforehand."""
    return await request.form()
