"""Calls of this very process into its own server: `listen --serve` and the demonstration."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from monitor.base.i18n import tr
from monitor.events import CallInfo, Event, Partial, to_dict
from monitor.rules.scorecard import Scorecard
from monitor.web import wire
from monitor.web.hub import LiveCall
from monitor.web.intake import Intake

SETTLE_S = 10.0
"""How long the end of a call waits for the store."""


class LocalFeed:
    """A sink (`monitor.call.live.Sink`) on another thread than the server's event loop."""

    def __init__(
        self,
        intake: Intake,
        loop: asyncio.AbstractEventLoop,
        key: str,
        owner_id: int | None,
        agent: str | None = None,
    ) -> None:
        self._intake = intake
        self._loop = loop
        self._key = key
        self._owner_id = owner_id
        self._agent = agent
        self._call: LiveCall | None = None
        self._seq = 0

    @property
    def call_id(self) -> int | None:
        """The call's number in the store, once it has begun."""
        return self._call.begun.id if self._call else None

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        if self._call is None:
            info = next((event for event in events if isinstance(event, CallInfo)), None)
            if info is None:
                raise ValueError("a call begins with its CallInfo")
            begin = self._intake.begin(self._key, info, self._owner_id, self._agent)
            self._call = asyncio.run_coroutine_threadsafe(begin, self._loop).result()
        counted = [event for event in events if not isinstance(event, Partial)]
        tails = [event for event in events if isinstance(event, Partial)]
        self._loop.call_soon_threadsafe(self._take, self._call, self._seq, counted, tails, now_ms)
        self._seq += len(counted)

    def finish(self, card: Scorecard) -> list[str]:
        """The call is over: keep its card, and wait a while until the store has everything.

        Returns what went wrong, a line each.
        """
        if self._call is None:
            return []
        self._loop.call_soon_threadsafe(self._intake.score, self._call, to_dict(card))
        settled = asyncio.run_coroutine_threadsafe(self._settled(self._call), self._loop)
        try:
            settled.result(SETTLE_S)
        except TimeoutError:
            settled.cancel()
            return [
                tr(
                    "通话库写入失败，这通电话可能不完整",
                    "the store could not be written; this call may be incomplete in it",
                )
            ]
        return []

    async def _settled(self, call: LiveCall) -> None:
        # In the loop, after the card that was handed over just before.
        await self._intake.settled(call)

    def _take(
        self,
        call: LiveCall,
        seq: int,
        counted: Sequence[Event],
        tails: Sequence[Partial],
        now_ms: int,
    ) -> None:
        if counted:
            self._intake.take(call, seq, counted, now_ms)
        for tail in tails:
            call.tail(wire.data_of(tail))
        call.tick(now_ms)
