"""What a protocol makes of what a peer says: the same few steps for every wire.

A protocol reads messages and returns steps; it knows no socket and no clock. Whoever holds
the connection carries them out, and tells the protocol what the call has brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from monitor.events import Event
from monitor.ingest.formats import Format


class WireError(Exception):
    """The peer said what its protocol does not allow; the connection ends."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A leg opens. `tracks` names its channels in the wire's own words; `about` is all that the
    peer said of the call. `expected` are the tracks of all legs that the call will have."""

    tracks: tuple[str, ...]
    format: Format
    about: Mapping[str, Any] = field(default_factory=dict)
    leg: str = ""
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audio:
    """Bytes of a leg, in its format; `stamp` and `number` as in `order.Packet`."""

    data: bytes
    leg: str = ""
    stamp: int | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing will come of the leg for a while."""

    leg: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Audio of the leg comes again."""

    leg: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The leg ends; the call goes on while another leg of it does."""

    leg: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """Wait until what was sent is recognised, then ask `settled`: the peer waits for an answer."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The call is over and the peer waits for its last words: then ask `finished`."""


@dataclass(frozen=True, slots=True)
class Send:
    """Say this to the peer."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection, with a WebSocket close code."""

    code: int = 1000
    reason: str = ""


Step: TypeAlias = Begin | Audio | Hold | Resume | End | Settle | Finish | Send | Close


class Wire(Protocol):
    """One connection's protocol. Every method returns what is to be done, in order."""

    def text(self, text: str) -> Iterable[Step]:
        """A text message.

        Raises:
            WireError: it is none of this protocol.
        """

    def binary(self, data: bytes) -> Iterable[Step]:
        """A binary message; raises as `text`."""

    def heard(self, events: Sequence[Event]) -> Iterable[Step]:
        """Events of the call."""

    def settled(self) -> Iterable[Step]:
        """All that was sent before `Settle` is recognised."""

    def finished(self) -> Iterable[Step]:
        """The call has said its last, after `Finish`."""

    def refused(self, reason: str) -> Iterable[Step]:
        """The call is not taken."""


class Quiet:
    """What most wires do of `Wire`: say nothing back."""

    def heard(self, events: Sequence[Event]) -> Iterable[Step]:  # noqa: ARG002 - see Wire
        return ()

    def settled(self) -> Iterable[Step]:
        return ()

    def finished(self) -> Iterable[Step]:
        return ()

    def refused(self, reason: str) -> Iterable[Step]:
        # A close frame carries 123 bytes of UTF-8 at most (RFC 6455, 5.5).
        return (Close(1013, reason.encode()[:120].decode(errors="ignore")),)
