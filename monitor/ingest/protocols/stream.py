"""FreeSWITCH mod_audio_stream and mod_audio_fork, jambonz `listen`, Vonage.

    text    metadata, if any is given: any text, JSON as a rule
    binary  L16, little endian, one channel or two interleaved
    text    DTMF, the metadata of `stop`

The two FreeSWITCH modules say neither rate nor mix: the source does, or the address
(`?rate=16000&mix=stereo`). jambonz says both in its metadata, Vonage the rate in a
`content-type` (`audio/l16;rate=16000`). Alerts go back as JSON text,
which the modules hand to the dialplan as an event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitor.events import Alert, Event, ScriptState, ScriptStatus, to_dict
from monitor.ingest.protocols.reading import checked, inner, whole
from monitor.ingest.sources import Source
from monitor.ingest.steps import Audio, Begin, Quiet, Send, Step, WireError

_TRACKS = {"mono": ("mono",), "mixed": ("mixed",), "stereo": ("left", "right")}
MAX_METADATA = 8_192
"""Bytes of metadata: what the modules allow."""


class Stream(Quiet):
    """One connection, one call or one leg of it."""

    def __init__(self, source: Source, about: Mapping[str, Any]) -> None:
        self._source = source
        self._about = about
        self._metadata: Mapping[str, Any] | None = None
        self._begun = False

    def text(self, text: str) -> Iterator[Step]:
        if self._begun or self._metadata is not None:
            return  # DTMF, or what `stop` has to say
        if len(text.encode()) > MAX_METADATA:
            raise WireError(f"metadata: more than {MAX_METADATA} bytes")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = {"text": text}
        self._metadata = found if isinstance(found, Mapping) else {"text": text}
        yield from self._begin()

    def binary(self, data: bytes) -> Iterator[Step]:
        yield from self._begin()
        yield Audio(data)

    def heard(self, events: Sequence[Event]) -> Iterator[Step]:
        for event in events:
            if isinstance(event, Alert):
                yield _json("alert", to_dict(event))
            elif isinstance(event, ScriptState) and event.status is not ScriptStatus.PENDING:
                yield _json("script", to_dict(event))

    def _begin(self) -> Iterator[Step]:
        if self._begun:
            return
        self._begun = True
        metadata = self._metadata or {}
        query = inner(self._about, "query")
        mix = str(query.get("mix") or metadata.get("mixType") or self._source.mix)
        if mix not in _TRACKS:
            raise WireError(f"mix {mix[:40]!r}: one of {', '.join(_TRACKS)}")
        typed = re.fullmatch(r"audio/l16;\s*rate=(\d{4,6})", str(metadata.get("content-type")))
        said = query.get("rate") or metadata.get("sampleRate") or (typed and typed[1])
        rate = said or self._source.rate
        tracks = _TRACKS[mix]
        form = checked("s16le", whole(rate, "rate"), len(tracks))
        yield Begin(tracks, form, {**self._about, "metadata": metadata})


def _json(kind: str, data: Any) -> Step:
    """In the envelope that mod_audio_fork knows; the others pass any JSON on."""
    message = {"type": "json", "data": {"event": kind, **data}}
    return Send(json.dumps(message, ensure_ascii=False))
