"""Asterisk chan_websocket: one party of a call per connection.

    text    MEDIA_START, as JSON or as plain words (`MEDIA_START connection_id:… format:ulaw …`)
    binary  the codec that the dial string names
    text    DTMF_END, STATUS and others: passed over

Dial with `d(in)`: we only listen. What `v(…)` says arrives in the address:
`v(call=c1,party=customer,agent=1001)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from monitor.ingest.formats import Encoding, Format
from monitor.ingest.protocols.reading import inner, object_of
from monitor.ingest.sources import Source
from monitor.ingest.steps import Audio, Begin, Quiet, Step, WireError

_FORMATS: Mapping[str, tuple[Encoding, int]] = MappingProxyType(
    {
        "ulaw": ("ulaw", 8_000),
        "alaw": ("alaw", 8_000),
        "slin": ("s16le", 8_000),
        **{
            f"slin{khz}": ("s16le", rate)
            for khz, rate in (
                ("12", 12_000),
                ("16", 16_000),
                ("24", 24_000),
                ("32", 32_000),
                ("44", 44_100),
                ("48", 48_000),
                ("96", 96_000),
                ("192", 192_000),
            )
        },
    }
)


class ChanWebSocket(Quiet):
    """One connection, one leg."""

    def __init__(self, _source: Source, about: Mapping[str, Any]) -> None:
        self._about = about
        self._begun = False

    def text(self, text: str) -> Iterator[Step]:
        start = _media_start(text)
        if start is None or self._begun:
            return
        self._begun = True
        known = _FORMATS.get(str(start.get("format", "")))
        if known is None:
            name = str(start.get("format", ""))[:40]
            raise WireError(f"the codec {name!r} is not decoded: dial with c(slin16) or c(ulaw)")
        form = Format(*known)
        more = {"metadata": inner(start, "channel_variables"), "start": start}
        yield Begin(("mono",), form, {**self._about, **more})

    def binary(self, data: bytes) -> Iterator[Step]:
        if not self._begun:
            raise WireError("audio before MEDIA_START")
        yield Audio(data)


def _media_start(text: str) -> Mapping[str, Any] | None:
    if not text.lstrip().startswith("{"):
        name, *pairs = text.split() or [""]
        if name != "MEDIA_START":
            return None
        return dict(pair.split(":", 1) for pair in pairs if ":" in pair)
    message = object_of(text)
    return message if message.get("event") == "MEDIA_START" else None
