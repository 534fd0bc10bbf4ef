"""What a live call is to those who feed it."""

from __future__ import annotations

from typing import Protocol

from monitor.events import Chunk, Event, Party


class Flow(Protocol):
    """A call in progress (`monitor.call.flow.Call`, or one that is listened to twice)."""

    def start(self) -> list[Event]:
        """The events that open the call."""

    def feed(self, chunk: Chunk) -> list[Event]:
        """Take audio of one party."""

    def skip(self, party: Party, until_ms: int, reason: str) -> list[Event]:
        """Go on without audio that did not come."""

    def finish(self) -> list[Event]:
        """The call is over."""
