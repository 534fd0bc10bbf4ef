"""Whether the server is well, for a proxy or whatever restarts it. Open to all."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from monitor.store import Store

PATIENCE_S = 2.0
"""How long the store may take to answer. A proxy's own patience is about as long."""

router = APIRouter(include_in_schema=False)


class StoreCheck:
    """Asks the store whether it answers, on a thread of its own and one question at a time:
    requests that wait for the store must not hold up the one that says so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._asked: asyncio.Future[None] | None = None

    async def answers(self) -> bool:
        if self._asked is None or self._asked.done():
            loop = asyncio.get_running_loop()
            self._asked = loop.run_in_executor(self._thread, self._ask)
        asked = self._asked
        done, _ = await asyncio.wait({asked}, timeout=PATIENCE_S)
        return bool(done) and asked.exception() is None

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> None:
        with self._store.reading() as session:
            session.execute(select(1))


@router.get("/healthz")
async def healthy(request: Request) -> Response:
    """It runs, its store answers and all its parts work; else the names of those that do not."""
    unwell = list(request.app.state.parts.unwell())
    if not await request.app.state.store_check.answers():
        unwell.append("store")
    if unwell:
        text = f"not working: {', '.join(unwell)}"
        return PlainTextResponse(text, HTTPStatus.SERVICE_UNAVAILABLE)
    return PlainTextResponse("ok")


@router.get("/healthz/alive")
async def alive() -> Response:
    """It runs, whether or not it can do anything: what a restart could mend."""
    return PlainTextResponse("ok")
