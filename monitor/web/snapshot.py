"""What a call looks like at this moment, folded from its events.

A panel that opens in mid-call gets this instead of everything that happened:
the finished turns, the open turns' tokens, and the last state of whatever
changes. Its size does not grow with the length of the call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

EventData: TypeAlias = Mapping[str, Any]
"""An event as `monitor.events.to_json` writes it."""

KEPT_TURNS = 300
"""Finished turns (and gaps) kept; the store has them all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An event and its place in the call."""

    seq: int
    event: EventData


class Snapshot:
    """The fold. `take` is the only thing that changes it."""

    def __init__(self) -> None:
        self.info: EventData | None = None
        self.end: EventData | None = None
        self.earlier = 0  # finished turns no longer kept
        self.gaps = 0
        self.talking: set[str] = set()
        self._turns: deque[Kept] = deque()
        self._open: dict[str, list[Kept]] = {}  # per party: tokens of the unfinished turn
        self._last: dict[tuple[Any, ...], Kept] = {}  # alerts, scripts, readings, info, end

    def take(self, seq: int, event: EventData) -> None:
        kept = Kept(seq, event)
        match event["event"]:
            case "token":
                self._open.setdefault(event["party"], []).append(kept)
            case "utterance":
                self._close(event)
                self._turn(kept)
            case "gap":
                self.gaps += 1
                self._turn(kept)
            case "speech":
                (self.talking.add if event["end_ms"] is None else self.talking.discard)(
                    event["party"]
                )
            case "alert":
                self._last["alert", event["id"]] = kept
            case "script":
                self._last["script", event["rule"], event["occurrence"]] = kept
            case "reading":
                self._last["reading", event["name"], event["party"]] = kept
            case "call":
                self.info = event
                self._last["call",] = kept
            case "end":
                self.end = event
                self.talking.clear()
                self._last["end",] = kept
            case _:
                pass

    def events(self) -> list[EventData]:
        """Everything kept, in the order it came. Taken in again, it gives the same picture."""
        kept = [*self._last.values(), *self._turns]
        for tokens in self._open.values():
            kept += tokens
        kept.sort(key=lambda item: item.seq)
        return [item.event for item in kept]

    def alerts(self) -> Iterator[EventData]:
        """Each alert in its last state, in the order they last changed."""
        found = [kept for key, kept in self._last.items() if key[0] == "alert"]
        return (kept.event for kept in sorted(found, key=lambda kept: kept.seq))

    def scripts(self) -> Iterator[EventData]:
        return (kept.event for key, kept in self._last.items() if key[0] == "script")

    def _close(self, utterance: EventData) -> None:
        """The turn's tokens are in the utterance now; later ones belong to the next turn."""
        tokens = self._open.get(utterance["party"], [])
        self._open[utterance["party"]] = [
            kept for kept in tokens if kept.event["start_ms"] >= utterance["end_ms"]
        ]

    def _turn(self, kept: Kept) -> None:
        self._turns.append(kept)
        if len(self._turns) > KEPT_TURNS:
            self._turns.popleft()
            self.earlier += 1
