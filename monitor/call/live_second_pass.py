"""A live call whose alerts are heard a second time."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from monitor.base.errors import UserError
from monitor.call.second_pass import Doubt, Recheck, SecondListener
from monitor.events import Alert, AlertState, CallEnd, Chunk, Event, Party

if TYPE_CHECKING:
    from monitor.call.live_flow import Flow

_LOG = logging.getLogger(__name__)


class ConfirmedCall:
    """A call whose alerts are heard again by a second recogniser, on a thread beside it.

    The call never waits: verdicts come with whatever the call gives next. An
    alert that has waited `patience_s` for the second recogniser, which then is too
    slow for this machine, stays as it was raised. At the end of the call
    what is left is waited for that long, and no longer.
    """

    def __init__(
        self,
        call: Flow,
        parties: Iterable[Party],
        second: SecondListener,
        patience_s: float = 20.0,
    ) -> None:
        self._call = call
        self._recheck = Recheck(parties, second)
        self._listen = second.listen
        self._patience_s = patience_s
        self._doubts: queue.SimpleQueue[tuple[Doubt, float] | None] = queue.SimpleQueue()
        self._verdicts: queue.SimpleQueue[Alert] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="second listener", daemon=True)
        self._worker.start()

    def start(self) -> list[Event]:
        return self._call.start()

    def feed(self, chunk: Chunk) -> list[Event]:
        self._recheck.hear(chunk)
        return self._with_verdicts(self._call.feed(chunk))

    def skip(self, party: Party, until_ms: int, reason: str) -> list[Event]:
        return self._with_verdicts(self._call.skip(party, until_ms, reason))

    def finish(self) -> list[Event]:
        """The call's last events; the verdicts still to come stand before its end."""
        events = self._with_verdicts(self._call.finish())
        self._doubts.put(None)
        self._worker.join(self._patience_s)
        late = self._ripe()
        end = [event for event in events if isinstance(event, CallEnd)]
        return [*(event for event in events if not isinstance(event, CallEnd)), *late, *end]

    def _with_verdicts(self, events: list[Event]) -> list[Event]:
        for doubt in self._recheck.take(events):
            self._doubts.put((doubt, time.monotonic()))
        return [*events, *self._ripe()]

    def _ripe(self) -> list[Alert]:
        verdicts: list[Alert] = []
        try:
            while True:
                verdicts.append(self._verdicts.get_nowait())
        except queue.Empty:
            return verdicts

    def _work(self) -> None:
        while (item := self._doubts.get()) is not None:
            doubt, since = item
            if time.monotonic() - since <= self._patience_s:
                try:
                    verdict = self._listen(doubt)
                except UserError as error:  # a server that is down: the alert stays as raised
                    _LOG.warning("%s", error)
                    continue
                if verdict.state is not AlertState.RAISED:  # else it stays as it was raised
                    self._verdicts.put(verdict)
