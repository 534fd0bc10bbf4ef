"""Genesys AudioHook, version 2. External is the customer, internal the agent: no guessing.

Every message has `version`, `id`, `type` and a number of its sender; ours repeat the last
number of the client. Audio is PCMU or L16, the channels interleaved. A conversation whose id
is all zeros is a probe: it is answered and is no call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitor.events import Event, Party, Utterance
from monitor.ingest.formats import Format
from monitor.ingest.protocols.reading import format_of, inner, object_of, whole
from monitor.ingest.sources import Source
from monitor.ingest.steps import (
    Audio,
    Begin,
    Close,
    Finish,
    Hold,
    Quiet,
    Resume,
    Send,
    Step,
    WireError,
)

_PROBE = re.compile(r"[0-]+")
_SIDES = (["external", "internal"], ["external"], ["internal"])


class AudioHook(Quiet):
    """One connection, one call."""

    def __init__(self, _source: Source, about: Mapping[str, Any]) -> None:
        self._about = about
        self._id = ""
        self._theirs = 0
        self._ours = 0
        self._begin: Begin | None = None
        self._format: Format | None = None
        self._begun = False
        self._turns = 0

    def text(self, text: str) -> Iterator[Step]:
        message = object_of(text)
        self._theirs = whole(message.get("seq"), "seq")
        parameters = inner(message, "parameters")
        kind = message.get("type")
        if kind != "open" and not self._id:
            raise WireError("the first message is `open`")
        match kind:
            case "open":
                yield from self._opened(str(message.get("id", "")), parameters)
            case "ping":
                yield self._say("pong", {})
            case "update":
                yield self._say("updated", {})
            case "paused":
                yield Hold()
            case "resumed" | "discarded":
                yield Resume()
            case "close":
                if self._begun:
                    yield Finish()
                else:
                    yield from self.finished()

    def binary(self, data: bytes) -> Iterator[Step]:
        if self._begin is None:
            raise WireError("audio before `open`, or without a format that was agreed on")
        if not self._begun:
            self._begun = True
            yield self._begin
        yield Audio(data)

    def heard(self, events: Sequence[Event]) -> Iterator[Step]:
        for event in events:
            if isinstance(event, Utterance) and event.tokens:
                self._turns += 1
                yield self._say("event", {"entities": [self._transcript(event)]})

    def finished(self) -> Iterator[Step]:
        yield self._say("closed", {})

    def refused(self, reason: str) -> Iterator[Step]:
        yield self._say("disconnect", {"reason": "error", "info": reason})
        yield Close(1013)

    def _opened(self, session: str, parameters: Mapping[str, Any]) -> Iterator[Step]:
        self._id = session
        if _PROBE.fullmatch(str(parameters.get("conversationId", ""))):
            yield self._say("opened", {"startPaused": False, "media": []})
            return
        offers = parameters.get("media")
        for media in offers if isinstance(offers, list) else []:
            channels = media.get("channels") if isinstance(media, Mapping) else None
            if channels not in _SIDES:
                continue
            # L16 is little endian here, unlike in RTP: the vendor's own reference says so.
            form = format_of(media.get("format"), media.get("rate"), len(channels))
            about = {**self._about, **parameters, "metadata": inner(parameters, "customConfig")}
            self._begin = Begin(tuple(channels), form, about)
            yield self._say("opened", {"startPaused": False, "media": [media]})
            return
        yield self._say("disconnect", {"reason": "error", "info": "no media that is decoded"})
        yield Close(1000)

    def _transcript(self, turn: Utterance) -> Mapping[str, Any]:
        confidence = sum(token.confidence for token in turn.tokens) / len(turn.tokens)
        words = [
            {
                "type": "word",
                "value": token.text,
                "confidence": round(token.confidence, 4),
                "offset": _duration(token.start_ms),
                "duration": _duration(token.end_ms - token.start_ms),
            }
            for token in turn.tokens
        ]
        said = {"type": "display", "transcript": turn.text, "tokens": words}
        data = {
            "id": f"{self._id}-{self._turns}",
            "channelId": 0 if turn.party is Party.CUSTOMER else 1,
            "isFinal": True,
            "offset": _duration(turn.start_ms),
            "duration": _duration(turn.end_ms - turn.start_ms),
            "alternatives": [{"confidence": round(confidence, 4), "interpretations": [said]}],
        }
        return {"type": "transcript", "data": data}

    def _say(self, kind: str, parameters: Mapping[str, Any]) -> Step:
        self._ours += 1
        message = {
            "version": "2",
            "id": self._id,
            "type": kind,
            "seq": self._ours,
            "clientseq": self._theirs,
            "parameters": parameters,
        }
        return Send(json.dumps(message, ensure_ascii=False))


def _duration(ms: int) -> str:
    return f"PT{ms / 1000:g}S"
