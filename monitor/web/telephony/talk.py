"""A connection's steps, carried out: the wire says what, the board does it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from monitor.events import Event
from monitor.ingest.live_board import Board, RefusedError, Seat
from monitor.ingest.sources import Source, opening
from monitor.ingest.steps import (
    Audio,
    Begin,
    Close,
    End,
    Finish,
    Hold,
    Resume,
    Send,
    Settle,
    Step,
    Wire,
    WireError,
)

ROOM_MS = 10_000
"""Audio that a burst may have waiting; its sender waits for the rest."""

_UNSAID = 20_000  # events that a peer who does not read may have waiting
_LOOK_S = 0.02
_log = logging.getLogger("monitor.ingest")


class Talk:
    """One peer. `say` and `hang_up` belong to its connection."""

    def __init__(
        self,
        board: Board,
        source: Source,
        wire: Wire,
        say: Callable[[str | bytes], Awaitable[None]],
        hang_up: Callable[[int, str], Awaitable[None]],
    ) -> None:
        self.closed = False
        self.began = False
        self._board = board
        self._source = source
        self._wire = wire
        self._say = say
        self._hang_up = hang_up
        self._loop = asyncio.get_running_loop()
        self._seats: dict[str, Seat] = {}
        self._heard: list[Event] = []
        self._news = asyncio.Event()
        self._speaking = asyncio.Lock()

    @property
    def name(self) -> str:
        """The calls of this connection, for the log."""
        names = {f"{self._source.name}/{seat.call.name}" for seat in self._seats.values()}
        return ", ".join(sorted(names)) or f"{self._source.name} (no call)"

    async def take(self, steps: Iterable[Step]) -> None:  # noqa: PLR0912 - a case per step
        """Carry out what the wire wants.

        Raises:
            WireError: the peer does what its protocol does not allow.
        """
        for step in steps:
            if self.closed:
                return
            match step:
                case Begin():
                    await self._begin(step)
                case Audio():
                    await self._audio(step)
                case Hold(leg):
                    self._seat(leg).hold()
                case Resume(leg):
                    self._seat(leg).resume()
                case End(leg):
                    if seat := self._seats.pop(leg, None):
                        seat.end()
                case Settle():
                    for seat in self._seats.values():
                        await asyncio.wrap_future(seat.call.line.mark())
                    await self.speak()
                    await self.take(self._wire.settled())
                case Finish():
                    await self._finish()
                case Send(data):
                    await self._say(data)
                case Close(code, reason):
                    self.closed = True
                    await self._hang_up(code, reason)

    async def speak(self) -> None:
        """Tell the peer what has been heard since the last time."""
        async with self._speaking:
            events, self._heard = self._heard, []
            await self.take(self._wire.heard(events))

    async def speaking(self) -> None:
        """Tell the peer what is heard, as it is heard; ends by being cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self.speak()

    def gone(self) -> None:
        """The connection is over, with or without a goodbye."""
        self.closed = True
        for seat in self._seats.values():
            seat.end()
        self._seats.clear()

    async def _begin(self, step: Begin) -> None:
        opened = opening(self._source, step)
        if earlier := self._seats.pop(step.leg, None):
            earlier.end()
        listener = None if self._seats else self._listen
        try:
            self._seats[step.leg] = self._board.join(self._source, opened, step.leg, listener)
        except RefusedError as error:
            _log.warning("%s/%s: refused: %s", self._source.name, opened.key or "-", error)
            await self.take(self._wire.refused(str(error)))
            return
        self.began = True

    async def _audio(self, step: Audio) -> None:
        seat = self._seat(step.leg)
        try:
            seat.audio(step.data, step.stamp, step.number)
        except RefusedError as error:
            raise WireError(str(error)) from error
        if not self._source.sends_as_it_happens:
            while seat.call.line.behind_ms > ROOM_MS:
                await asyncio.sleep(_LOOK_S)

    async def _finish(self) -> None:
        seats, self._seats = self._seats, {}
        for seat in seats.values():
            seat.finish()
            await asyncio.wrap_future(seat.call.line.said)
        await self.speak()
        await self.take(self._wire.finished())

    def _seat(self, leg: str) -> Seat:
        try:
            return self._seats[leg]
        except KeyError:
            raise WireError("audio of a leg that is not open") from None

    def _listen(self, events: Sequence[Event]) -> None:
        """On a thread of the pool."""
        try:
            self._loop.call_soon_threadsafe(self._note, events)
        except RuntimeError:
            return  # the server has ended; the call goes on to its own end

    def _note(self, events: Sequence[Event]) -> None:
        if self.closed:
            return
        if len(self._heard) < _UNSAID:
            self._heard += events
        self._news.set()
