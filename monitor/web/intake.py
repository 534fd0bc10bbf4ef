"""Where calls come in: to the panels at once, to the store beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from monitor.events import CallEnd, CallInfo, Event
from monitor.store import read, rows, write
from monitor.store.schema import Alert, Call, DeletedCall, Scorecard, Thumb
from monitor.web.hub import Begun, Hub, Judged, LiveCall
from monitor.web.recorder import Recorder
from monitor.web.snapshot import EventData
from monitor.web.wire import data_of

if TYPE_CHECKING:
    from monitor.store import Store

IN_VIEW_S = 20.0
"""How long a call that has ended stays on the wall."""

_PAGE = 5_000


AGENT_LIVE = 50
"""Live calls of one agent at a time: one, and those of a line that broke a moment ago."""


class NotYoursError(Exception):
    """A call of that key belongs to somebody else."""


class RewriteError(Exception):
    """A call that is over would be changed: its events, or the card it has."""


class DeletedError(Exception):
    """The call was deleted; it does not come back."""


class TooManyError(Exception):
    """The sender has more live calls than anybody can be in."""


class Intake:
    """Feeds the hub and the recorder of one server. Lives in its event loop."""

    def __init__(self, store: Store, hub: Hub, recorder: Recorder, lost_after_s: float) -> None:
        self._store = store
        self._hub = hub
        self._recorder = recorder
        self._lost_after_s = lost_after_s
        self._timers: dict[int, asyncio.TimerHandle] = {}

    async def begin(
        self, key: str, info: CallInfo, owner_id: int | None, agent: str | None = None
    ) -> LiveCall:
        """The call of this key, new or taken up again where the store has it.

        `agent` is whose call it is, whatever `info` says.

        Raises:
            NotYoursError: the key is taken by another owner's call.
            DeletedError: a call of this key was deleted.
            TooManyError: an agent is in too many calls.
        """
        if agent is not None and self._live(owner_id) >= AGENT_LIVE:
            raise TooManyError
        # What is still in line of the call, its interruption too, comes before its return.
        await self._recorder.settled(key)
        begun = await run_in_threadpool(self._begun, key, info, owner_id, agent)
        running = self._hub.get(begun.id)
        if running is None or running.status != "live":
            earlier, thumbs = await run_in_threadpool(self._earlier, begun.id)
            call = self._hub.open(begun, earlier)
            call.thumbs = thumbs
        else:
            call = self._hub.open(begun)
        self._cancel(call)
        if call.picture.end is not None:
            self._ended(call, "complete")
        return call

    def take(self, call: LiveCall, seq: int, events: Sequence[Event], now_ms: int) -> None:
        """Numbered events of a call; those that came before are passed over.

        Raises:
            RewriteError: the call is over.
            ValueError: events before these have not come.
        """
        ends = next((n for n, event in enumerate(events, 1) if isinstance(event, CallEnd)), None)
        if ends is not None and ends < len(events):
            raise RewriteError
        if call.picture.end is not None and seq + len(events) > call.next_seq:
            raise RewriteError
        data = [data_of(event) for event in events]
        new = call.take(seq, data, now_ms)
        fresh = events[len(events) - len(new) :]
        first = call.next_seq - len(new)
        self._recorder.put(call, first, [(event, now_ms) for event in fresh])
        if fresh:
            self._hub.changed.set()
        if call.picture.end is not None and call.status == "live":
            self._ended(call, "complete")

    def score(self, call: LiveCall, score: Mapping[str, Any]) -> None:
        """The card that the call's rules gave it. Sent again, it is the same.

        Raises:
            RewriteError: the call has another one.
        """
        said = essence(score)
        if call.judged is not None and call.judged != said:
            raise RewriteError
        call.judged = said
        self._recorder.score(call, score)

    async def settled(self, call: LiveCall) -> None:
        """Wait until all that has come of the call is in the store."""
        await self._recorder.settled(call.begun.key)

    async def room(self, call: LiveCall) -> None:
        """Wait while the store is far behind with this call."""
        await self._recorder.room(call)

    def lost(self, call: LiveCall) -> None:
        """Whoever sends the call is gone, perhaps for a moment only."""
        if call.status != "live":
            return
        self._hub.connect(call, False)
        self._cancel(call)
        loop = asyncio.get_running_loop()
        self._timers[call.begun.id] = loop.call_later(self._lost_after_s, self._give_up, call)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _give_up(self, call: LiveCall) -> None:
        self._recorder.interrupt(call)
        self._ended(call, "interrupted")

    def _ended(self, call: LiveCall, status: str) -> None:
        self._cancel(call)
        self._hub.end(call, status)
        loop = asyncio.get_running_loop()
        self._timers[call.begun.id] = loop.call_later(IN_VIEW_S, self._forget, call)

    def _forget(self, call: LiveCall) -> None:
        # A timer that has run still holds the call.
        self._timers.pop(call.begun.id, None)
        self._hub.forget(call)

    def _live(self, owner_id: int | None) -> int:
        return sum(
            1 for call in self._hub if call.status == "live" and call.begun.owner_id == owner_id
        )

    def _cancel(self, call: LiveCall) -> None:
        timer = self._timers.pop(call.begun.id, None)
        if timer is not None:
            timer.cancel()

    def _begun(self, key: str, info: CallInfo, owner_id: int | None, agent: str | None) -> Begun:
        with self._store.session() as session:
            taken = session.execute(select(Call.owner_id).where(Call.key == key)).first()
            if taken is not None and taken.owner_id != owner_id:
                raise NotYoursError
            if taken is None and session.get(DeletedCall, key) is not None:
                raise DeletedError
            call_id = write.begin_call(session, key, info, owner_id, agent)
            begun = begun_of(session.get_one(Call, call_id))
            return replace(begun, owner_id=owner_id, judged=_judged(session, call_id))

    def _earlier(
        self, call_id: int
    ) -> tuple[Sequence[tuple[EventData, int]], dict[int, dict[str, int]]]:
        with self._store.reading() as session:
            return earlier_events(session, call_id), kept_thumbs(session, call_id)


def essence(score: Mapping[str, Any]) -> Judged:
    """What a card says, whichever way it is written: its figures and those of its lines."""
    lines = (
        tuple(line[name] for name in ("item", "status", "points", "times", "fatal"))
        for line in score["lines"]
    )
    return tuple(score[name] for name in ("total", "max", "grade", "fatal")), frozenset(lines)


def _judged(session: Session, call_id: int) -> Judged | None:
    machine = select(Scorecard).where(
        Scorecard.call_id == call_id, Scorecard.status == "machine", Scorecard.author_id.is_(None)
    )
    card = session.scalars(machine).first()
    return (
        None
        if card is None
        else essence(rows.data_of(card) | {"lines": [rows.data_of(line) for line in card.lines]})
    )


def begun_of(call: Call) -> Begun:
    """What the hub wants to know of a call in the store."""
    return Begun(
        id=call.id,
        key=call.key,
        name=call.name,
        agent=call.agent,
        queue=call.queue,
        direction=call.direction,
        started_at=call.started_at.isoformat(),
    )


def earlier_events(session: Session, call_id: int) -> Sequence[tuple[EventData, int]]:
    """All events of a call that the store has, each with its call time."""
    found: list[tuple[EventData, int]] = []
    while page := read.events(session, call_id, len(found), _PAGE):
        found += [(body, now_ms) for _seq, now_ms, body in page]
    return found


def kept_thumbs(session: Session, call_id: int) -> dict[int, dict[str, int]]:
    """What people thought of a call's cards: user → alert → 1 or -1."""
    found: dict[int, dict[str, int]] = {}
    given = select(Thumb.user_id, Alert.key, Thumb.value).join(Alert, Alert.id == Thumb.alert_id)
    for user_id, key, value in session.execute(given.where(Alert.call_id == call_id)):
        found.setdefault(user_id, {})[key] = value
    return found
