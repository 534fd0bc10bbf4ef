"""The switchboard: which calls are running, and which leg belongs to which. One event loop."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

from monitor.base.call_record import CallRecord
from monitor.base.i18n import tr
from monitor.call.engine import Engine, Second
from monitor.call.facts import CallFacts
from monitor.call.live import LiveSettings
from monitor.call.live_second_pass import ConfirmedCall
from monitor.events import Chunk, Event, Party
from monitor.ingest.assembler import Assembler, Item
from monitor.ingest.formats import Format
from monitor.ingest.live_pool import Line, Pool
from monitor.ingest.order import Packet
from monitor.ingest.patience import Patience
from monitor.ingest.sources import Opening, Source
from monitor.rules.scorecard import Scorecard, scorecard

if TYPE_CHECKING:
    from monitor.call.live_flow import Flow

AHEAD_MS = 30_000
"""How much more audio a paced sender may send than time has passed: it floods us beyond."""

WORKERS = 16
"""Threads that recognise: more than cores, so that blocks of many calls wait for the network
together and are run together (`monitor.call.live_shared_acoustic`)."""

_NEVER = 2**31 - 1
_UNUSUAL = re.compile(r"[^\w@+-]+")
_log = logging.getLogger("monitor.ingest")


class RefusedError(Exception):
    """A call that is not taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that begins: its key in the store, whose it is, whether its audio is to be kept."""

    key: str
    agent: str | None
    parties: tuple[Party, ...]
    record: bool


class Outlet(Protocol):
    """Where a call's events and its audio go: a sink, and its end."""

    def __call__(self, events: Sequence[Event], now_ms: int) -> None: ...

    def record(self, chunk: Chunk) -> None:
        """Audio of the call, whether or not there was time to recognise it."""

    def finish(self, card: Scorecard) -> list[str]:
        """The call is over; returns what went wrong, a line each."""


MakeOutlet: TypeAlias = Callable[[Outgoing], Outlet]

Listener: TypeAlias = Callable[[Sequence[Event]], None]
"""Gets the call's events, on a thread of the pool."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`calls` at once; `late_ms`: when recognition is so far behind, no call is added."""

    calls: int
    late_ms: int = 5_000
    workers: int = WORKERS


class Running:
    """A call in progress."""

    def __init__(self, name: str, source: Source, assembler: Assembler, line: Line) -> None:
        self.name = name
        self.source = source
        self.assembler = assembler
        self.line = line
        self.listeners: list[Listener] = []
        self.began_ms = 0

    def heard(self, events: Sequence[Event], _now_ms: int) -> None:
        for listener in tuple(self.listeners):
            listener(events)


class Seat:
    """One leg of a running call: what a connection holds."""

    def __init__(self, board: Board, call: Running, leg: str, form: Format) -> None:
        self.call = call
        self._board = board
        self._leg = leg
        self._bytes_a_ms = form.rate * form.frame_bytes / 1000
        self._began_ms = _now_ms()
        self._got = 0

    def audio(self, data: bytes, stamp: int | None = None, number: int | None = None) -> None:
        """Audio that has just come.

        Raises:
            RefusedError: far more of it than time has passed.
        """
        if self._leg not in self.call.assembler.legs:
            return  # another leg has taken its place
        now = _now_ms()
        self._got += len(data)
        ahead_ms = self._got / self._bytes_a_ms - (now - self._began_ms)
        if self.call.source.sends_as_it_happens and ahead_ms > AHEAD_MS:
            raise RefusedError(
                tr("声音来得比说话快得多", "audio comes much faster than anybody speaks")
            )
        self._put(self.call.assembler.audio(self._leg, Packet(now, data, stamp, number)))

    def hold(self) -> None:
        if self._leg in self.call.assembler.legs:
            self._put(self.call.assembler.hold(self._leg, _now_ms()))

    def resume(self) -> None:
        if self._leg in self.call.assembler.legs:
            self._put(self.call.assembler.resume(self._leg, _now_ms()))

    def end(self) -> None:
        """The leg is over; the call when no other leg of it goes on."""
        self._put(self.call.assembler.end(self._leg, _now_ms()))

    def finish(self) -> None:
        """The call is over, now."""
        self._board.finish(self.call, "ended")

    def _put(self, items: Sequence[Item]) -> None:
        self.call.line.put(items)


class Board:
    """All calls of this process.

    `make_outlet` says where a call's events go; called on a thread of the pool.
    """

    def __init__(
        self,
        loaded: Engine,
        make_outlet: MakeOutlet,
        limits: Limits,
        second: Second | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.refused = 0
        self._loaded = loaded
        self._make_outlet = make_outlet
        self._limits = limits
        self._second = second
        self._patience = patience
        self._pool = Pool(limits.workers)
        self._calls: dict[str, Running] = {}
        self._ending: set[Line] = set()

    def __iter__(self) -> Iterator[Running]:
        return iter(self._calls.values())

    def join(self, source: Source, opened: Opening, leg: str, listener: Listener | None) -> Seat:
        """A leg of a call: of the one that is running under its key, or of a new one.

        Raises:
            RefusedError: there are too many calls, or the leg does not belong to its call.
        """
        name = opened.key or secrets.token_hex(6)
        key = f"{source.name}/{name if opened.shared else f'{name}-{secrets.token_hex(3)}'}"
        call = self._calls.get(key)
        if call is None:
            self._check(source)
            call = self._open(source, opened, key)
        # Two connections of a call may give their legs the same name: the party tells them apart.
        full = f"{leg}/{'+'.join(opened.leg.parties)}"
        try:
            call.line.put(call.assembler.open(full, opened.leg, _now_ms()))
        except ValueError as error:
            raise RefusedError(str(error)) from error
        if listener is not None:
            call.listeners.append(listener)
        return Seat(self, call, full, opened.leg.format)

    def tick(self) -> None:
        """To be called a few times a second: what has waited long enough goes on or ends."""
        for call in list(self._calls.values()):
            now = _now_ms()
            call.line.put(call.assembler.tick(now))
            if call.line.failed:
                self.finish(call, "failed")
            elif (why := call.assembler.over(now)) is not None:
                self.finish(call, why)

    def finish(self, call: Running, why: str) -> None:
        """The call is over."""
        key = f"{call.source.name}/{call.name}"
        if self._calls.get(key) is not call:
            return
        del self._calls[key]
        call.line.put(call.assembler.finish(_now_ms()))
        self._ending = {line for line in self._ending if not line.done.done()} | {call.line}
        call.line.close()
        _log.info(
            "call %s/%s: %s after %d s; %d packets late or twice, %d ms of silence taken out",
            call.source.name,
            call.name,
            {"idle": "nothing came any more"}.get(why, why),
            (_now_ms() - call.began_ms) // 1000,
            call.assembler.late,
            call.assembler.trimmed_ms,
        )

    def close(self, wait_s: float = 20.0) -> None:
        """The server ends: every call does, with all it has."""
        for call in list(self._calls.values()):
            self.finish(call, "the server ended")
        until = time.monotonic() + wait_s
        for line in self._ending:
            try:
                line.done.result(max(0.0, until - time.monotonic()))
            except TimeoutError:
                _log.error("call %s: its end did not get into the store in time", line.name)
        self._pool.close()

    def _check(self, source: Source) -> None:
        of_source = Counter(call.source.name for call in self)[source.name]
        late_ms = max((c.line.behind_ms for c in self if c.source.sends_as_it_happens), default=0)
        reason = ""
        if len(self._calls) >= self._limits.calls:
            most = self._limits.calls
            reason = tr(f"同时监测的通话已满（{most} 通）", f"{most} calls run already, the most")
        elif of_source >= source.calls:
            most = source.calls
            reason = tr(
                f"来源 {source.name} 的通话已满（{most} 通）",
                f"{source.name} has {most} calls already, the most",
            )
        elif late_ms > self._limits.late_ms:
            reason = tr(
                f"识别已落后 {late_ms} 毫秒", f"recognition is {late_ms} ms behind with others"
            )
        if reason:
            self.refused += 1
            raise RefusedError(reason)

    def _open(self, source: Source, opened: Opening, key: str) -> Running:
        name = key.partition("/")[2]
        known = CallFacts(
            datetime.now().astimezone().isoformat(timespec="seconds"),
            opened.direction,
            tuple({**opened.facts, "call_key": name}.items()),
        )
        shown = f"{source.name}-{_UNUSUAL.sub('-', name)}"
        call = self._loaded.call(shown, opened.parties, known)
        flow: Flow = call
        if self._second is not None:
            flow = ConfirmedCall(call, opened.parties, self._second.listener)
        record = CallRecord()
        agent = opened.facts.get("agent")
        agent_name = str(agent) if agent is not None else None
        outgoing = Outgoing(
            f"ingest-{secrets.token_hex(12)}", agent_name, opened.parties, source.record
        )
        outlet = self._make_outlet(outgoing)

        def finish() -> None:
            card = scorecard(self._loaded.rulebook, record.alerts, record.scripts)
            for problem in outlet.finish(card):
                _log.error("call %s: %s", key, problem)

        paced = source.sends_as_it_happens
        patience = self._patience or Patience(idle_ms=round(source.idle_s * 1000))
        # What is sent in one go waits for its turn; a live call must not fall behind.
        backlog_ms = LiveSettings().backlog_ms if paced else _NEVER
        # The assembler knows better when a party has stalled: it sees when things come.
        settings = LiveSettings(backlog_ms, stall_ms=_NEVER)
        assembler = Assembler(opened.parties, patience)
        sinks: list[Callable[[Sequence[Event], int], None]] = [record, outlet]
        line = Line(key, flow, opened.parties, sinks, outlet.record, finish, self._pool, settings)
        running = Running(name, source, assembler, line)
        sinks.append(running.heard)
        running.began_ms = _now_ms()
        self._calls[key] = running
        self._pool.open(line)
        _log.info("call %s: begins; %s", key, dict(opened.facts))
        return running


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
