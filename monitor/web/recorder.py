"""Live events on their way into the store, beside their way to the panels.

Panels see an event at once; the store gets what has gathered since its last
transaction, of all calls together. What could not be written stays in line
and is tried again: senders hear of an event only when it is durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.concurrency import run_in_threadpool

from monitor.base.errors import UserError
from monitor.events import Event
from monitor.web.hub import LiveCall
from monitor.web.signal import Signal

if TYPE_CHECKING:
    from monitor.store import Store

GATHER_S = 0.1
"""How long events gather before they are written."""

RETRY_S = 1.0
FULL = 50_000
"""Events in line at which senders are kept waiting."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Line:
    """What waits to be written of one call, in order."""

    call: LiveCall
    first_seq: int
    events: list[tuple[Event, int]] = field(default_factory=list)
    score: Mapping[str, Any] | None = None
    interrupted: bool = False


_Taken: TypeAlias = tuple[_Line, int, Mapping[str, Any] | None, bool]
"""What one transaction writes of a line: so many events, the card, the interruption."""


class Recorder:
    """Writes live calls to a store; all but `_write` runs in the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lines: OrderedDict[int, _Line] = OrderedDict()
        self._waiting = 0
        self._work = Signal()
        self._written = Signal()
        self._stopping = False

    def put(self, call: LiveCall, seq: int, events: Sequence[tuple[Event, int]]) -> None:
        """Write events (each with its call time) of a call, the first of them number `seq`."""
        if not events:
            return
        line = self._line(call, seq)
        line.events += events
        self._waiting += len(events)
        self._work.set()

    def score(self, call: LiveCall, score: Mapping[str, Any]) -> None:
        """Write the card of a call, after its events."""
        self._line(call, call.next_seq).score = score
        self._work.set()

    def interrupt(self, call: LiveCall) -> None:
        """Mark that a call broke off, after its events."""
        self._line(call, call.next_seq).interrupted = True
        self._work.set()

    async def room(self) -> None:
        """Wait while too much is in line."""
        while self._waiting > FULL:
            await self._written.wait()

    async def settled(self, key: str) -> None:
        """Wait until everything that has come of the call of this key is written, or given up."""
        while any(line.call.begun.key == key for line in self._lines.values()):
            await self._written.wait()

    async def run(self) -> None:
        """Write until `stop`, and then what is left."""
        while not (self._stopping and not self._lines):
            if not self._lines:
                await self._work.wait()
                continue
            if not self._stopping:
                await asyncio.sleep(GATHER_S)
            lines = list(self._lines.values())
            taken = [(line, len(line.events), line.score, line.interrupted) for line in lines]
            try:
                lost = await run_in_threadpool(self._write, taken)
            except UserError as error:
                _log.error("%s", error)  # one line; the same lines are tried again
                if self._stopping:
                    return
                await asyncio.sleep(RETRY_S)
                continue
            self._done(taken, lost)

    def stop(self) -> None:
        self._stopping = True
        self._work.set()

    def _line(self, call: LiveCall, seq: int) -> _Line:
        line = self._lines.setdefault(call.begun.id, _Line(call, seq))
        line.call = call
        return line

    def _write(self, taken: Sequence[_Taken]) -> set[int]:
        """One transaction for all calls; returns those that are in the store no more.

        Runs in a thread.
        """
        from monitor.store import write
        from monitor.store.schema import Call

        lost = set()
        with self._store.session() as session:
            for line, count, score, interrupted in taken:
                call_id = line.call.begun.id
                if session.get(Call, call_id) is None:  # somebody has deleted it meanwhile
                    lost.add(call_id)
                    continue
                if count:
                    write.append_events(session, call_id, line.first_seq, line.events[:count])
                if score is not None:
                    write.save_score(session, call_id, score)
                if interrupted:
                    write.mark_interrupted(session, call_id)
        return lost

    def _done(self, taken: Sequence[_Taken], lost: Container[int]) -> None:
        for line, count, score, interrupted in taken:
            call_id = line.call.begun.id
            if call_id in lost:
                self._waiting -= len(line.events)
                del self._lines[call_id]
                line.call.status = "failed"
                line.call.changed.set()
            else:
                del line.events[:count]
                line.first_seq += count
                self._waiting -= count
                if line.score is score:
                    line.score = None
                line.interrupted = line.interrupted and not interrupted
                line.call.durable = max(line.call.durable, line.first_seq)
                if not line.events and line.score is None and not line.interrupted:
                    del self._lines[call_id]
            line.call.saved.set()
        self._written.set()
