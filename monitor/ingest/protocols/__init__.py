"""One module per wire. Each turns what a peer says into steps, without any I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from monitor.ingest.protocols import asterisk, audiohook, funasr, stream, twilio, vosk
from monitor.ingest.sources import Source
from monitor.ingest.steps import Wire

About: TypeAlias = Mapping[str, Any]
"""What the connection itself says: `query`, `header`."""

SOCKETS: Mapping[str, Callable[[Source, About], Wire]] = MappingProxyType(
    {
        "asterisk": asterisk.ChanWebSocket,
        "audiohook": audiohook.AudioHook,
        "funasr": funasr.FunAsr,
        "stream": stream.Stream,
        "twilio": twilio.Twilio,
        "vosk": vosk.Vosk,
    }
)
"""The protocols that are spoken over a WebSocket."""

SUBPROTOCOLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "asterisk": ("media",),
        "funasr": ("binary",),
        "stream": ("audio.drachtio.org", "audio.jambonz.org", "audiostream.drachtio.org"),
    }
)
"""The WebSocket sub-protocols that a peer may insist on."""
