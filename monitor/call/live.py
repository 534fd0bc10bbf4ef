"""Calls in real time. The only file with threads and queues, and with a wall clock.

A capture device delivers chunks on a thread of its own; they wait in a queue
for the one loop that feeds the call. Whatever the machine could not process
in time, and whatever a device did not deliver, becomes a visible `Gap`.
"""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from monitor.base.i18n import tr
from monitor.call.live_flow import Flow
from monitor.events import SAMPLE_RATE, SAMPLES_PER_MS, Chunk, Event, Gap, Party

if TYPE_CHECKING:
    pass

Sink: TypeAlias = Callable[[Sequence[Event], int], None]
"""Takes the next events and the call time (ms) up to which audio has arrived."""


class Listening(Protocol):
    """Open devices."""

    @property
    def stopped(self) -> tuple[str, ...]:
        """Those that ended by themselves (unplugged)."""


OpenCapture: TypeAlias = Callable[
    [Callable[[Chunk], None], Callable[[Gap], None]], AbstractContextManager[Listening]
]
"""Opens a device: it calls the first function with audio, the second with losses."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How long a live call waits.

    `backlog_ms`: audio that may wait to be processed before the oldest is
    given up. `stall_ms`: how far one device may fall behind the other before
    the call goes on without it. `poll_s`: how often to look up while nothing
    arrives.
    """

    backlog_ms: int = 15_000
    stall_ms: int = 1_500
    poll_s: float = 0.1


def paced(chunks: Iterable[Chunk], speed: float = 1.0) -> Iterator[Chunk]:
    """The chunks of a recording, each no sooner than its last sample would have been spoken."""
    began = time.monotonic()
    for chunk in chunks:
        end_s = chunk.start_ms / 1000 + len(chunk.samples) / SAMPLE_RATE
        wait = began + end_s / speed - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield chunk


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """A question to ask in a loop: has the user (Ctrl-C) or the system (SIGTERM) said stop?

    The first signal only answers yes, so that nothing is cut in two; a second
    one interrupts as usual. Main thread only.
    """
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(_number: int, _frame: object) -> None:
        stopped.set()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, stop)
    try:
        yield stopped.is_set
    finally:
        restore()


def play(
    call: Flow,
    chunks: Iterable[Chunk],
    sinks: Iterable[Sink],
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Run a call from its first chunk to its last, or until `stop()` says so."""
    show = _fan_out(sinks)
    show(call.start(), 0)
    now_ms = 0
    for chunk in chunks:
        if stop():
            break
        now_ms = max(now_ms, end_ms(chunk))
        show(call.feed(chunk), now_ms)
    show(call.finish(), now_ms)


def listen(
    call: Flow,
    parties: Iterable[Party],
    open_capture: OpenCapture,
    sinks: Iterable[Sink],
    record: Callable[[Chunk], None] = lambda _chunk: None,
    settings: LiveSettings | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[str, ...]:
    """Monitor a live call until `stop()` says so or a device goes away; returns those gone.

    The recording gets every chunk the device delivered, also those that were
    too late to be processed.
    """
    settings = settings or LiveSettings()
    arrived: queue.SimpleQueue[Chunk | Gap] = queue.SimpleQueue()
    show = _fan_out(sinks)
    desk = Desk(call, settings, dict.fromkeys(parties, 0))
    show(call.start(), 0)
    with open_capture(arrived.put, arrived.put) as listening:
        while not stop() and not listening.stopped:
            show(desk.take(_drain(arrived, settings.poll_s), record), desk.now_ms)
    gone = listening.stopped
    # The device is closed: what it still delivered belongs to the call.
    show(desk.take(_drain(arrived, 0), record), desk.now_ms)
    show(call.finish(), desk.now_ms)
    return gone


class Desk:
    """What has arrived, and the decision to go on without what has not."""

    def __init__(self, call: Flow, settings: LiveSettings, reached: dict[Party, int]) -> None:
        self._call = call
        self._settings = settings
        self._reached = reached  # per party: end (ms) of what was fed or skipped

    @property
    def now_ms(self) -> int:
        return max(self._reached.values())

    def take(
        self, items: list[Chunk | Gap], record: Callable[[Chunk], None], newest_ms: int = 0
    ) -> list[Event]:
        """Feed what has come; `newest_ms`: up to where more of it waits behind these items."""
        for item in items:
            if isinstance(item, Chunk):
                record(item)
        events: list[Event] = []
        newest_ms = max([newest_ms, *(end_ms(item) for item in items)])
        for item in items:
            until_ms = end_ms(item)
            if isinstance(item, Gap):
                events += self._call.skip(item.party, until_ms, item.reason)
            elif newest_ms - until_ms > self._settings.backlog_ms:
                reason = tr("处理不及，已跳过", "processing fell behind")
                events += self._call.skip(item.party, until_ms, reason)
            else:
                events += self._call.feed(item)
            self._reached[item.party] = max(self._reached[item.party], until_ms)
        return events + self._skip_stalled()

    def _skip_stalled(self) -> list[Event]:
        events: list[Event] = []
        for party, reached_ms in self._reached.items():
            if self.now_ms - reached_ms > self._settings.stall_ms:
                reason = tr("设备没有送来声音", "the device delivered no audio")
                events += self._call.skip(party, self.now_ms, reason)
                self._reached[party] = self.now_ms
        return events


def _drain(arrived: queue.SimpleQueue[Chunk | Gap], wait_s: float) -> list[Chunk | Gap]:
    """Everything that waits; at most `wait_s` for the first item."""
    items: list[Chunk | Gap] = []
    try:
        items.append(arrived.get(timeout=wait_s) if wait_s else arrived.get_nowait())
        while True:
            items.append(arrived.get_nowait())
    except queue.Empty:
        return items


def end_ms(item: Chunk | Gap) -> int:
    """Call time at which it ends."""
    if isinstance(item, Gap):
        return item.end_ms
    return item.start_ms + len(item.samples) // SAMPLES_PER_MS


def _fan_out(sinks: Iterable[Sink]) -> Sink:
    targets = tuple(sinks)

    def show(events: Sequence[Event], now_ms: int) -> None:
        for target in targets:
            target(events, now_ms)

    return show


def after(seconds: float | None, stopped: Callable[[], bool]) -> Callable[[], bool]:
    """`stopped`, which also becomes true when this much wall time has passed."""
    if seconds is None:
        return stopped
    until = time.monotonic() + seconds
    return lambda: stopped() or time.monotonic() >= until
