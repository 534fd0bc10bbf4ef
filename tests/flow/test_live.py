"""The live loop: nothing a device delivered is lost without a visible gap."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from monitor.call import live
from monitor.call.flow import Call
from monitor.events import CallEnd, Chunk, Event, Gap, Party

AGENT, CUSTOMER = Party.AGENT, Party.CUSTOMER


def chunk(party: Party, start_ms: int, length_ms: int = 100) -> Chunk:
    return Chunk(party, start_ms, np.zeros(length_ms * 16, np.float32))


@dataclass(frozen=True)
class Open:
    """Devices that are listened to, but for those already gone."""

    stopped: tuple[str, ...] = ()


class Ledger:
    """Stands in for a call: writes down what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Party, int]] = []

    def start(self) -> list[Event]:
        return []

    def feed(self, item: Chunk) -> list[Event]:
        self.given.append(("feed", item.party, item.start_ms))
        return []

    def skip(self, party: Party, until_ms: int, reason: str) -> list[Event]:
        self.given.append(("skip", party, until_ms))
        return [Gap(party, 0, until_ms, reason)]

    def finish(self) -> list[Event]:
        return [CallEnd(0)]


def listen(
    items: list[Chunk | Gap],
    parties: tuple[Party, ...] = (AGENT,),
    gone: tuple[str, ...] = (),
    **settings: int,
) -> tuple[Ledger, list[Event], list[Chunk]]:
    """Run the live loop over a device that delivers `items` at once and is then stopped."""
    ledger, shown, recorded = Ledger(), list[Event](), list[Chunk]()
    asked = iter([False, True])

    @contextmanager
    def capture(on_chunk: Callable[[Chunk], None], on_gap: Callable[[Gap], None]) -> Iterator[Open]:
        for item in items:
            if isinstance(item, Gap):
                on_gap(item)
            else:
                on_chunk(item)
        yield Open(gone)

    returned = live.listen(
        cast("Call", ledger),
        parties,
        capture,
        [lambda events, _now: shown.extend(events)],
        recorded.append,
        live.LiveSettings(**cast("Any", settings)),
        lambda: next(asked),
    )
    assert returned == gone
    return ledger, shown, recorded


def test_everything_delivered_reaches_the_call_in_order() -> None:
    ledger, shown, recorded = listen([chunk(AGENT, 0), chunk(AGENT, 100)])
    assert ledger.given == [("feed", AGENT, 0), ("feed", AGENT, 100)]
    assert [c.start_ms for c in recorded] == [0, 100]
    assert isinstance(shown[-1], CallEnd)


def test_a_loss_in_the_device_is_skipped_visibly() -> None:
    ledger, shown, _ = listen([chunk(AGENT, 0), Gap(AGENT, 100, 400, "overflow")])
    assert ledger.given[-1] == ("skip", AGENT, 400)
    assert any(isinstance(event, Gap) for event in shown)


def test_a_backlog_gives_up_the_oldest_audio_but_records_it() -> None:
    items: list[Chunk | Gap] = [chunk(AGENT, start) for start in range(0, 1000, 100)]
    ledger, _, recorded = listen(items, backlog_ms=300)
    assert [kind for kind, _, _ in ledger.given] == ["skip"] * 6 + ["feed"] * 4
    assert len(recorded) == 10


def test_a_stalled_device_does_not_hold_up_the_other() -> None:
    items: list[Chunk | Gap] = [chunk(CUSTOMER, 0)]
    items += [chunk(AGENT, start) for start in range(0, 1000, 100)]
    ledger, shown, _ = listen(items, (AGENT, CUSTOMER), stall_ms=500)
    assert ledger.given[-1] == ("skip", CUSTOMER, 1000)
    assert [event.party for event in shown if isinstance(event, Gap)] == [CUSTOMER]


def test_a_device_that_goes_away_ends_the_call_and_is_named() -> None:
    ledger, shown, _ = listen([chunk(AGENT, 0)], gone=("Headset",))
    assert ledger.given == [("feed", AGENT, 0)], "what it still delivered belongs to the call"
    assert isinstance(shown[-1], CallEnd)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with live.interruptible() as stopped:
        assert not stopped()
        os.kill(os.getpid(), number)
        assert stopped()
        assert signal.getsignal(number) == before, "a second signal must interrupt"
    assert signal.getsignal(number) == before


def test_paced_chunks_come_no_sooner_than_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("time.sleep", sleep)
    arrived = [now[0] for _ in live.paced([chunk(AGENT, 0), chunk(AGENT, 100)], speed=2)]
    assert arrived == pytest.approx([100.05, 100.1])
