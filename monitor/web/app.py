"""The application: what every request passes, and the routers of all features."""

from __future__ import annotations

import asyncio
import hmac
import importlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from fastapi import APIRouter, Depends, FastAPI
from fastapi.concurrency import contextmanager_in_threadpool
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from monitor.base.errors import UserError
from monitor.store.schema import StoreFact
from monitor.web import csrf, errors, pages
from monitor.web.health import StoreCheck
from monitor.web.hub import Hub
from monitor.web.intake import Intake
from monitor.web.limits import RateLimit, Recent
from monitor.web.parts import Parts
from monitor.web.passwords import Passwords
from monitor.web.recorder import Recorder
from monitor.web.security import BodyLimit, HostCheck, PageLanguage, SecurityHeaders
from monitor.web.settings import WebSettings

if TYPE_CHECKING:
    from monitor.store import Store

_log = logging.getLogger(__name__)

ROUTERS = (
    "monitor.web.accounts",
    "monitor.web.tokens",
    "monitor.web.admin",
    "monitor.web.health",
    "monitor.web.api",
    "monitor.web.live",
    "monitor.web.ingest",
    "monitor.web.panel",
    "monitor.web.wall",
    "monitor.web.qa.calls",  # its /calls/export… before /calls/{number}
    "monitor.web.review.recordings",
    "monitor.web.review.calls",
    "monitor.web.review.cases",
    "monitor.web.review.appeals",
    "monitor.web.review.calibration",
    "monitor.web.review.rules",
    "monitor.web.qa.imports",
    "monitor.web.qa.scorecards",
    "monitor.web.qa.plans",
    "monitor.web.qa.queue",
    "monitor.web.qa.dashboards",
    "monitor.web.qa.reports",
)
"""Modules with a `router`; a feature adds its own."""

SWEEP_S = 60.0
SESSION_COOKIE = "monitor_session"


Beside: TypeAlias = Callable[[FastAPI], AbstractContextManager[None]]
"""Something that runs while the server runs, such as a demonstration."""


def create_app(
    settings: WebSettings, passwords: Passwords | None = None, beside: Sequence[Beside] = ()
) -> FastAPI:
    """The server for a store. `passwords` may be given cheaper hashing in tests."""
    secret = own_secret(settings)
    app = FastAPI(
        title="callmonitor",
        openapi_url=None,  # served to signed-in users by monitor.web.api
        docs_url=None,  # the usual pages load scripts from elsewhere
        redoc_url=None,
        dependencies=[Depends(csrf.protect)],
        responses={status: dict(answer) for status, answer in errors.RESPONSES.items()},
        middleware=_middleware(settings, secret),
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.store = settings.store
    app.state.beside = tuple(beside)
    app.state.passwords = passwords or Passwords()
    app.state.templates = pages.environment()
    # Somebody guessing one password, and somebody trying one password on many names.
    app.state.login_limit = RateLimit(times=5, window_s=300)
    app.state.address_limit = RateLimit(times=50, window_s=300)
    app.state.read_lately = Recent(window_s=60)
    app.state.secret = secret
    errors.install(app)
    for router in routers():
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=pages.HERE / "static"), "static")
    app.state.paths = frozenset(route.path for route in routes())
    return app


def routers() -> list[APIRouter]:
    """The routers of all features."""
    return [importlib.import_module(name).router for name in ROUTERS]


def routes() -> list[APIRoute | APIWebSocketRoute]:
    """Every route of every feature, with its full path."""
    return [
        route
        for router in routers()
        for route in router.routes
        if isinstance(route, APIRoute | APIWebSocketRoute)
    ]


def own_secret(settings: WebSettings) -> str:
    """What signs the cookies of this store's users alone: another store's may have the same
    secret, and other people under the same numbers."""
    with settings.store.reading() as session:
        fact = session.get(StoreFact, "store")
    number = fact.value if fact else ""
    return hmac.new(settings.secret.encode(), number.encode(), "sha256").hexdigest()


def _middleware(settings: WebSettings, secret: str) -> list[Middleware]:
    """From the outermost in."""
    return [
        Middleware(SecurityHeaders, https=settings.https),
        Middleware(PageLanguage),
        Middleware(HostCheck, settings=settings),
        Middleware(
            SessionMiddleware,
            secret_key=secret,
            session_cookie=SESSION_COOKIE,
            max_age=settings.session_s,
            same_site="lax",
            https_only=settings.https,
        ),
        Middleware(BodyLimit, settings=settings),
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The live calls belong to the event loop: they begin and end with it."""
    settings: WebSettings = app.state.settings
    hub = Hub()
    recorder = Recorder(settings.store)
    intake = Intake(settings.store, hub, recorder, settings.lost_after_s)
    app.state.hub, app.state.intake = hub, intake
    app.state.loop = asyncio.get_running_loop()
    app.state.parts = parts = Parts()
    app.state.store_check = check = StoreCheck(settings.store)
    writing = parts.start("recorder", recorder.run, lambda: recorder.well)
    sweeping = parts.start("sweep", partial(_sweep, settings.store))
    async with AsyncExitStack() as running:
        try:
            for begin in app.state.beside:
                thing = contextmanager_in_threadpool(begin(app))
                await running.enter_async_context(thing)
            yield
        finally:
            await running.aclose()
            intake.close()
            recorder.stop()
            sweeping.cancel()
            check.close()
            await writing


async def _sweep(store: Store) -> None:
    """Now and then mark the live calls of other writers that have died."""
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            await run_in_threadpool(store.sweep)
        except UserError as error:
            _log.error("%s", error)
