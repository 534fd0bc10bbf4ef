"""Live events on their way into the store, beside their way to the panels.

Panels see an event at once; the store gets what has gathered since its last
transaction, of all calls together, of each no more than its share. What could
not be written stays in line and is tried again: senders hear of an event only
when it is durable. What cannot be written whatever is tried is set aside
(`monitor.store.aside`), and no call's trouble is another's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.concurrency import run_in_threadpool

from monitor.events import Event
from monitor.store.problems import StoreError
from monitor.web.hub import LiveCall
from monitor.web.signal import Signal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from monitor.store import Store

GATHER_S = 0.1
"""How long events gather before they are written."""

RETRY_S = 1.0
LONGEST_REST_S = 60.0
"""How long a call that cannot be written rests before it is tried again, at most."""

SHARE = 1_000
"""Events of one call in one transaction: a burst of one holds up no other."""

OWN_FULL = 5_000
"""Events in line of one call at which its sender is kept waiting."""

FULL = 50_000
"""Events in line at which all senders are kept waiting."""

UNWELL_S = 10.0
"""How long nothing could be written before that counts as a dead part."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Line:
    """What waits to be written of one call, in order."""

    call: LiveCall
    first_seq: int
    events: list[tuple[Event, int]] = field(default_factory=list)
    score: Mapping[str, Any] | None = None
    interrupted: bool = False
    failures: int = 0
    rests_until: float = 0.0  # on the clock of `time.monotonic`


@dataclass(slots=True)
class _Outcome:
    """What became of calls in a transaction; those not named are written."""

    lost: set[int] = field(default_factory=set)  # no longer in the store
    behind: set[int] = field(default_factory=set)  # the store lacks what came before
    failed: set[int] = field(default_factory=set)  # to be tried again


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
        self._failing_since: float | None = None

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

    async def room(self, call: LiveCall) -> None:
        """Wait while too much is in line: of this call, or of all together."""
        while self._waiting > FULL or self._in_line(call) > OWN_FULL:
            await self._written.wait()

    @property
    def well(self) -> bool:
        """Whether what comes is being written."""
        since = self._failing_since
        return since is None or time.monotonic() - since < UNWELL_S

    async def settled(self, key: str) -> None:
        """Wait until everything that has come of the call of this key is written, or given up."""
        while any(line.call.begun.key == key for line in self._lines.values()):
            await self._written.wait()

    async def run(self) -> None:
        """Write until `stop`, and then what is left."""
        while not (self._stopping and not self._lines):
            if not self._lines:
                self._failing_since = None
                await self._work.wait()
                continue
            if not self._stopping:
                await asyncio.sleep(GATHER_S)
            taken = self._take()
            if not taken:  # all that is left rests after a failure
                if self._stopping:
                    return
                continue
            try:
                outcome = await run_in_threadpool(self._write, taken)
            except StoreError as error:
                _log.error("%s", error)  # one line; the same lines are tried again
                self._failing()
                if self._stopping:
                    return
                await asyncio.sleep(RETRY_S)
                continue
            except Exception:
                self._failing()  # `monitor.web.parts` says so and begins anew
                raise
            self._done(taken, outcome)
            if self._stopping and outcome.failed:
                return
            del taken, outcome  # or the last call that was written would never go

    def stop(self) -> None:
        self._stopping = True
        self._work.set()

    def _line(self, call: LiveCall, seq: int) -> _Line:
        line = self._lines.setdefault(call.begun.id, _Line(call, seq))
        line.call = call
        return line

    def _in_line(self, call: LiveCall) -> int:
        line = self._lines.get(call.begun.id)
        return len(line.events) if line else 0

    def _failing(self) -> None:
        self._failing_since = self._failing_since or time.monotonic()

    def _take(self) -> list[_Taken]:
        """What the next transaction writes: a share of every line that does not rest."""
        now = time.monotonic()
        taken = []
        for line in self._lines.values():
            if line.rests_until <= now or self._stopping:
                count = min(len(line.events), SHARE)
                whole = count == len(line.events)
                taken.append(
                    (line, count, line.score if whole else None, whole and line.interrupted)
                )
        return taken

    def _write(self, taken: Sequence[_Taken]) -> _Outcome:
        """One transaction for all calls; one for each where that fails. Runs in a thread.

        Raises:
            StoreError: the store cannot be written at all.
        """
        outcome = _Outcome()
        try:
            with self._store.session() as session:
                for item in taken:
                    self._put(session, item, outcome)
        except StoreError:
            raise
        except Exception:  # it shows again below, with the call it belongs to
            outcome = _Outcome()
            for item in taken:
                self._write_one(item, outcome)
        return outcome

    def _write_one(self, item: _Taken, outcome: _Outcome) -> None:
        from monitor.store.ingest import HoleError

        call_id = item[0].call.begun.id
        try:
            with self._store.session() as session:
                self._put(session, item, outcome, careful=True)
        except StoreError:
            raise
        except HoleError as error:
            _log.error("call %d: %s; its sender is asked to go back", call_id, error)
            outcome.behind.add(call_id)
        except Exception:
            _log.exception("call %d cannot be written; it is tried again", call_id)
            outcome.failed.add(call_id)

    def _put(
        self, session: Session, item: _Taken, outcome: _Outcome, careful: bool = False
    ) -> None:
        from monitor.store import aside, write
        from monitor.store.schema import Call

        line, count, score, interrupted = item
        call_id = line.call.begun.id
        if session.get(Call, call_id) is None:  # somebody has deleted it meanwhile
            outcome.lost.add(call_id)
            return
        if count:
            append = aside.append_carefully if careful else write.append_events
            append(session, call_id, line.first_seq, line.events[:count])
        if score is not None:
            (aside.save_carefully if careful else write.save_score)(session, call_id, score)
        if interrupted:
            write.mark_interrupted(session, call_id)

    def _done(self, taken: Sequence[_Taken], outcome: _Outcome) -> None:
        written = False
        for line, count, score, interrupted in taken:
            call_id = line.call.begun.id
            if call_id in outcome.failed:
                line.failures += 1
                line.rests_until = time.monotonic() + min(
                    RETRY_S * 2**line.failures, LONGEST_REST_S
                )
                continue
            if call_id in outcome.lost or call_id in outcome.behind:
                self._waiting -= len(line.events)
                del self._lines[call_id]
                line.call.status = "failed" if call_id in outcome.lost else "behind"
                line.call.changed.set()
            else:
                written = True
                del line.events[:count]
                line.first_seq += count
                line.failures = 0
                self._waiting -= count
                if line.score is score:
                    line.score = None
                line.interrupted = line.interrupted and not interrupted
                line.call.durable = max(line.call.durable, line.first_seq)
                if not line.events and line.score is None and not line.interrupted:
                    del self._lines[call_id]
            line.call.saved.set()
        if outcome.failed:
            self._failing()
        elif written and not any(line.failures for line in self._lines.values()):
            self._failing_since = None
        self._written.set()
