"""The running calls of this server: what panels and walls are fed from.

Lives in the server's event loop; nothing here waits or touches the store.
Events are numbered from 0 within their call. A call keeps its newest events
and a folded picture of all of them, so that whoever watches can be slow, lose
the connection and come back without anything being kept for them: a watcher
is only a place in the call (see `monitor.web.watch`).
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from monitor.web.signal import Signal
from monitor.web.snapshot import EventData, Snapshot

RECENT = 2_000
"""Events kept as they were, for watchers that fall behind: some minutes of talk."""


Judged: TypeAlias = tuple[tuple[Any, ...], frozenset[tuple[Any, ...]]]
"""What a scorecard says: its figures, and those of its lines."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A call as the store knows it when it begins or is taken up again.

    `owner_id` is whoever sends it, `judged` the card that it has already.
    """

    id: int
    key: str
    name: str
    agent: str | None
    queue: str | None
    direction: str | None
    started_at: str
    owner_id: int | None = None
    judged: Judged | None = None


class LiveCall:
    """One running call."""

    def __init__(self, begun: Begun) -> None:
        self.begun = begun
        self.judged = begun.judged
        self.picture = Snapshot()
        self.next_seq = 0
        self.durable = 0  # events before this one are in the store
        self.now_ms = 0
        self.status = "live"
        self.connected = True
        self.tails: dict[str, EventData] = {}  # per party: the recogniser's tentative tail
        self.tail_count = 0
        self.thumbs: dict[int, dict[str, int]] = {}  # user → alert → 1 or -1
        self.changed = Signal()
        self.saved = Signal()
        self.sender: object = None  # whoever feeds the call; a new one takes the old one's place
        self._recent: deque[str] = deque(maxlen=RECENT)

    @property
    def oldest(self) -> int:
        """The first event that is still kept as it was."""
        return self.next_seq - len(self._recent)

    def take(self, seq: int, events: Sequence[EventData], now_ms: int) -> Sequence[EventData]:
        """Events `seq`, `seq + 1`, …; returns those that are new, which begin at `next_seq`.

        Raises:
            ValueError: events before these have not come.
        """
        if seq > self.next_seq:
            raise ValueError(f"event {seq} came when {self.next_seq} was due")
        new = events[self.next_seq - seq :]
        for event in new:
            self.picture.take(self.next_seq, event)
            self._recent.append(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
            self.next_seq += 1
            if event["event"] in ("token", "utterance"):
                self.tails.pop(event["party"], None)
        self.now_ms = max(self.now_ms, now_ms)
        self.changed.set()
        return new

    def tail(self, partial: EventData) -> None:
        """The tentative tail of a party; it replaces the last one and is not numbered."""
        self.tails[partial["party"]] = partial
        self.tail_count += 1
        self.changed.set()

    def tick(self, now_ms: int) -> None:
        """Audio has arrived up to here, whether or not anything was said."""
        if now_ms > self.now_ms:
            self.now_ms = now_ms
            self.changed.set()

    def since(self, seq: int) -> str:
        """The events from `seq` (at least `oldest`) on, as a JSON list."""
        return f"[{','.join(itertools.islice(self._recent, seq - self.oldest, None))}]"

    def card(self) -> dict[str, Any]:
        """What the wall shows of the call."""
        standing = [alert for alert in self.picture.alerts() if alert["state"] != "retracted"]
        severities = Counter(alert["severity"] for alert in standing)
        scripts = Counter(script["status"] for script in self.picture.scripts())
        last = standing[-1] if standing else None
        return {
            "call": self.begun.id,
            "name": self.begun.name,
            "agent": self.begun.agent,
            "queue": self.begun.queue,
            "direction": self.begun.direction,
            "started_at": self.begun.started_at,
            "now_ms": self.now_ms,
            "status": self.status,
            "connected": self.connected,
            "alerts": {name: severities[name] for name in ("tip", "minor", "major", "fatal")},
            "scripts": {name: scripts[name] for name in ("pending", "met", "missed")},
            "last_alert": last
            and {name: last[name] for name in ("rule", "title", "severity", "at_ms")},
            "talking": sorted(self.picture.talking),
            "gaps": self.picture.gaps,
        }


class Hub:
    """All running calls. `changed` wakes those who watch which calls there are."""

    def __init__(self) -> None:
        self.changed = Signal()
        self._calls: dict[int, LiveCall] = {}

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(self._calls.values())

    def get(self, call_id: int) -> LiveCall | None:
        return self._calls.get(call_id)

    def open(self, begun: Begun, earlier: Sequence[tuple[EventData, int]] = ()) -> LiveCall:
        """The call, new or the one that is running already.

        `earlier` are the events (with the call time of each) that the store has
        of a call which another run of the server began.
        """
        call = self._calls.get(begun.id)
        if call is None or call.status != "live":
            call = LiveCall(begun)
            for event, now_ms in earlier:
                call.take(call.next_seq, [event], now_ms)
            call.durable = call.next_seq
            self._calls[begun.id] = call
        self.connect(call, True)
        for other in self:
            if other.begun.agent == begun.agent:
                other.changed.set()  # an agent's panel may have to turn to the new call
        return call

    def connect(self, call: LiveCall, connected: bool) -> None:
        """The machine that sends the call was lost, or is back."""
        call.connected = connected
        call.changed.set()
        self.changed.set()

    def end(self, call: LiveCall, status: str) -> None:
        """The call is over; it stays in view until `forget`."""
        call.status = status
        call.changed.set()
        self.changed.set()

    def forget(self, call: LiveCall) -> None:
        if self._calls.get(call.begun.id) is call:
            del self._calls[call.begun.id]
            self.changed.set()

    def newest(self, agent: str | None) -> LiveCall | None:
        """The call an agent is in: the running one that began last."""
        own = [call for call in self if call.status == "live" and call.begun.agent == agent]
        return max(own, key=lambda call: call.begun.id, default=None)

    def cards(self) -> Mapping[int, dict[str, Any]]:
        return {call.begun.id: call.card() for call in self}
