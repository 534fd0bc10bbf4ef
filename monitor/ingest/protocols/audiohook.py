"""Genesys AudioHook, version 2. External is the customer, internal the agent: no guessing.

Every message has `version`, `id`, `type` and a number of its sender; ours repeat the last
number of the client. Audio is PCMU or L16, the channels interleaved. A conversation whose id
is all zeros is a probe: it is answered and is no call.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
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
_SIGNED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
_OLDEST_S = 10  # how old a signature may be; the same for one from the future
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


def signed(
    headers: Mapping[str, str], target: str, authority: str, secret: str, now_s: float
) -> str | None:
    """The nonce of a request whose HTTP message signature is right and fresh, else None.

    The signature is an HMAC-SHA256, keyed with the client secret (base64), over the
    components that `Signature-Input` lists, which must be all that the vendor names.
    `target` is path and query, `now_s` seconds since 1970. Whoever asks sees to it that a
    nonce is used once.
    """
    label, equals, parameters = headers.get("signature-input", "").partition("=")
    listed = re.match(r"\(([^()]*)\)", parameters)
    names = re.findall(r'"([^"]+)"', listed[1]) if listed else []
    created = re.search(r";created=(\d{1,12})(?:;|$)", parameters)
    nonce = re.search(r';nonce="([^"]{22,200})"', parameters)
    given = re.fullmatch(rf"{re.escape(label)}=:([^:]+):", headers.get("signature", ""))
    if not (equals and created and nonce and given) or not set(_SIGNED) <= set(names):
        return None
    if abs(now_s - int(created[1])) > _OLDEST_S:
        return None
    known = {"@request-target": target, "@authority": authority.lower()}
    lines = [f'"{name}": {known.get(name, headers.get(name, "")).strip()}' for name in names]
    text = "\n".join([*lines, f'"@signature-params": {parameters}'])
    try:
        key = base64.b64decode(secret, validate=True)
        found = base64.b64decode(given[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    made = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return nonce[1] if hmac.compare_digest(made, found) else None
