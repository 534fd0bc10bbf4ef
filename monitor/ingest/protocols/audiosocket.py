"""Asterisk AudioSocket: frames over TCP, no secret, no goodbye.

    kind (1 byte) · length (2 bytes, big endian) · payload

The first frame is a UUID, all that identifies the leg; the PBX announces beforehand whose it
is. A connection that simply ends has ended normally.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from monitor.ingest.formats import Format
from monitor.ingest.steps import Audio, Begin, Close, Step, WireError

HANGUP = b"\x00\x00\x00"
"""The frame that asks Asterisk to hang up."""

_HANGUP, _UUID, _DTMF, _ERROR = 0x00, 0x01, 0x03, 0xFF
RATES: Mapping[int, int] = MappingProxyType(
    {
        0x10: 8_000,
        0x11: 12_000,
        0x12: 16_000,
        0x13: 24_000,
        0x14: 32_000,
        0x15: 44_100,
        0x16: 48_000,
        0x17: 96_000,
        0x18: 192_000,
    }
)
"""Sample rate of each kind of audio (res/res_audiosocket.c)."""


class AudioSocket:
    """One connection, one leg.

    Args:
        announced: what the PBX has said of a UUID, or None for one it has not announced.
        rate: of kind 0x10, which older servers use for whatever codec they have.
    """

    def __init__(self, announced: Mapping[str, Mapping[str, Any]], rate: int = 8_000) -> None:
        self._announced = announced
        self._rate = rate
        self._buffer = bytearray()
        self._about: Mapping[str, Any] | None = None
        self._kind: int | None = None

    def feed(self, data: bytes) -> Iterator[Step]:
        """The next bytes of the connection.

        Raises:
            WireError: an unknown UUID, or what is no frame of this protocol.
        """
        self._buffer += data
        while len(self._buffer) >= 3:
            length = int.from_bytes(self._buffer[1:3], "big")
            if len(self._buffer) < 3 + length:
                return
            kind, payload = self._buffer[0], bytes(self._buffer[3 : 3 + length])
            del self._buffer[: 3 + length]
            yield from self._frame(kind, payload)

    def _frame(self, kind: int, payload: bytes) -> Iterator[Step]:
        if kind == _UUID:
            if len(payload) != 16 or self._about is not None:
                raise WireError("a UUID of 16 bytes is expected, once")
            name = str(uuid.UUID(bytes=payload))
            self._about = self._announced.get(name)
            if self._about is None:
                raise WireError(f"the UUID {name} was not announced")
        elif self._about is None:
            raise WireError("the first frame is the UUID")
        elif kind in RATES:
            if kind != self._kind:
                # A change of codec in mid-call is a new leg for the same party.
                self._kind = kind
                rate = self._rate if kind == 0x10 else RATES[kind]
                party = str(self._about.get("party", "agent"))
                yield Begin((party,), Format("s16le", rate), self._about)
            yield Audio(payload)
        elif kind == _HANGUP:
            yield Close()
        elif kind == _ERROR:
            raise WireError(f"Asterisk reports the error {payload[:1].hex()}")
        elif kind != _DTMF:
            raise WireError(f"a frame of the unknown kind 0x{kind:02x}")
