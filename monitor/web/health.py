"""Whether the server is well, for a proxy or whatever restarts it."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from monitor.web import deps

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthy(request: Request) -> Response:
    """It runs and its store answers. Open to all, and says nothing else."""
    with deps.settings(request).store.reading() as session:
        session.execute(select(1))
    return PlainTextResponse("ok")
