"""Many calls on few threads, in turns: nobody is served twice while another one waits."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from monitor.base.i18n import language, use_language
from monitor.call.live import Desk, LiveSettings, Sink, end_ms
from monitor.call.live_flow import Flow
from monitor.events import Chunk, Event, Gap, Party

TURN_MS = 200
"""Audio of one call that is recognised before it is the next call's turn."""

_log = logging.getLogger(__name__)


class Line:
    """A call that is being recognised. `put` and `close` never wait.

    Attributes:
        said: set once the call has said its last.
        done: set once everything about the call is finished.
    """

    def __init__(
        self,
        name: str,
        call: Flow,
        parties: Iterable[Party],
        sinks: Sequence[Sink],
        record: Callable[[Chunk], None],
        finish: Callable[[], None],
        pool: Pool,
        settings: LiveSettings,
    ) -> None:
        self.name = name
        self.said: Future[None] = Future()
        self.done: Future[None] = Future()
        self.failed = False
        self._call = call
        self._sinks = sinks
        self._record = record
        self._finish = finish
        self._pool = pool
        self._desk = Desk(call, settings, dict.fromkeys(parties, 0))
        self._lock = threading.Lock()
        self._items: deque[Chunk | Gap | Future[None]] = deque()
        self._newest_ms = 0
        self._reached_ms = 0
        self._busy = True  # in line for a worker, or with one; a call that opens is with the clerk
        self._closing = False

    @property
    def behind_ms(self) -> int:
        """Audio that has come and is not recognised yet."""
        return max(0, self._newest_ms - self._reached_ms)

    def put(self, items: Sequence[Chunk | Gap]) -> None:
        """Audio of the call, in the order of the assembler."""
        if items:
            self._newest_ms = max(self._newest_ms, *(end_ms(item) for item in items))
            self._queue(items)

    def mark(self) -> Future[None]:
        """Done when all that was put before is recognised."""
        mark: Future[None] = Future()
        self._queue([mark])
        return mark

    def close(self) -> None:
        """No more comes."""
        with self._lock:
            self._closing = True
        self._queue([])

    def _queue(self, items: Sequence[Chunk | Gap | Future[None]]) -> None:
        with self._lock:
            self._items.extend(items)
            idle, self._busy = not self._busy, True
        if idle:
            self._pool.wake(self)

    def begin(self) -> None:
        """On the clerk's thread: the call opens, in the store too."""
        try:
            self._show(self._call.start())
        except Exception:  # one call's fault must not end the others on this thread
            self._fail("cannot be opened")
        self._rest()

    def turn(self) -> None:
        """On a worker's thread: recognise a turn's worth."""
        taken, marks, last = self._next()
        if not self.failed:
            try:
                if taken:
                    newest_ms = self._newest_ms
                    self._show(self._desk.take(taken, self._record, newest_ms))
                    self._reached_ms = max(self._reached_ms, *(end_ms(item) for item in taken))
                if last:
                    self._show(self._call.finish())
            except Exception:  # one call's fault must not end the others on this thread
                self._fail("is given up")
        for mark in marks:
            mark.set_result(None)
        if last:
            self.said.set_result(None)
            self._pool.clerk.submit(self._over)
        else:
            self._rest()

    def _next(self) -> tuple[list[Chunk | Gap], list[Future[None]], bool]:
        taken: list[Chunk | Gap] = []
        marks: list[Future[None]] = []
        worth_ms = 0
        with self._lock:
            while self._items and worth_ms < TURN_MS:
                item = self._items.popleft()
                if isinstance(item, Future):
                    marks.append(item)
                    continue
                if isinstance(item, Chunk):
                    worth_ms += end_ms(item) - item.start_ms
                taken.append(item)
            return taken, marks, self._closing and not self._items

    def _rest(self) -> None:
        with self._lock:
            more = self._busy = bool(self._items) or self._closing
        if more:
            self._pool.wake(self)

    def _show(self, events: Sequence[Event]) -> None:
        for sink in self._sinks:
            sink(events, self._desk.now_ms)

    def _over(self) -> None:
        try:
            self._finish()
        except Exception:  # the call is over whatever its end came to
            _log.exception("call %s: its end was not kept", self.name)
        self.done.set_result(None)

    def _fail(self, what: str) -> None:
        self.failed = True
        _log.exception("call %s: %s", self.name, what)


class Pool:
    """Threads that recognise, and a few that wait for the store in their place.

    Calls that have audio stand in one line; each is taken `TURN_MS` at a time and goes
    to its end again.
    """

    def __init__(self, workers: int) -> None:
        self.clerk = ThreadPoolExecutor(4, "ingest-clerk", initializer=_speak(language()))
        self._line: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"ingest-{number}", daemon=True)
            for number in range(workers)
        ]
        self._speak = _speak(language())
        for thread in self._threads:
            thread.start()

    def open(self, line: Line) -> None:
        """Begin a call."""
        self.clerk.submit(line.begin)

    def wake(self, line: Line) -> None:
        """The call has something to do."""
        self._line.put(line)

    def close(self) -> None:
        """End the threads; every call must be done."""
        for _ in self._threads:
            self._line.put(None)
        for thread in self._threads:
            thread.join()
        self.clerk.shutdown()

    def _work(self) -> None:
        self._speak()
        while (line := self._line.get()) is not None:
            line.turn()


def _speak(spoken: str) -> Callable[[], None]:
    """The language of `tr` belongs to a thread: those of the pool speak that of their maker."""
    return lambda: use_language("zh" if spoken == "zh" else "en")
