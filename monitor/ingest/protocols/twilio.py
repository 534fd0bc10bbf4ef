"""Twilio Media Streams and those that took them over: Telnyx, SignalWire, Exotel.

JSON alone: `connected`, `start`, `media` (base64), `stop`. Twilio's numbers are strings;
Telnyx and Exotel write snake_case, and Telnyx promises no order, so packets go by their
number. A stream has one track or two, each a leg of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from monitor.ingest.formats import Format
from monitor.ingest.protocols.reading import bytes_of, format_of, inner, object_of, whole
from monitor.ingest.sources import Source
from monitor.ingest.steps import Audio, Begin, Close, End, Quiet, Step, WireError

_TRACKS = {"inbound": "inbound", "outbound": "outbound", "inbound_track": "inbound",
           "outbound_track": "outbound"}  # fmt: skip


class Twilio(Quiet):
    """One connection, one call."""

    def __init__(self, _source: Source, about: Mapping[str, Any]) -> None:
        self._about = about
        self._start: Mapping[str, Any] | None = None
        self._format: Format | None = None
        self._open: set[str] = set()

    def text(self, text: str) -> Iterator[Step]:
        message = object_of(text)
        match message.get("event"):
            case "start":
                self._begin(message)
            case "media":
                yield from self._media(message)
            case "stop":
                yield from (End(track) for track in sorted(self._open))
                yield Close()
            case str():
                return  # connected, dtmf, mark: nothing of theirs is audio
            case _:
                raise WireError("a message without its `event`")

    def binary(self, data: bytes) -> Iterator[Step]:  # noqa: ARG002 - see Wire
        raise WireError("binary audio: this protocol sends JSON")

    def _begin(self, message: Mapping[str, Any]) -> None:
        start = dict(inner(message, "start"))
        form = inner(start, "mediaFormat") or inner(start, "media_format")
        start.setdefault("customParameters", inner(start, "custom_parameters"))
        self._format = format_of(
            form.get("encoding", "audio/x-mulaw"),
            form.get("sampleRate", form.get("sample_rate", 8_000)),
            form.get("channels", 1) or 1,
        )
        if self._format.channels != 1:
            raise WireError("one channel per track is expected")
        self._start = start

    def _media(self, message: Mapping[str, Any]) -> Iterator[Step]:
        if self._start is None or self._format is None:
            raise WireError("media before start")
        media = inner(message, "media")
        track = _TRACKS.get(str(media.get("track", "inbound")))
        if track is None:
            raise WireError(f"track {str(media.get('track'))[:40]!r}: inbound or outbound")
        if track not in self._open:
            self._open.add(track)
            about = {**self._about, "start": self._start}
            yield Begin((track,), self._format, about, track, _expected(self._start))
        number = media.get("chunk")
        stamp = media.get("timestamp")
        yield Audio(
            bytes_of(media.get("payload"), "payload"),
            track,
            None if stamp is None else whole(stamp, "timestamp") * self._format.rate // 1000,
            None if number is None else whole(number, "chunk"),
        )


def _expected(start: Mapping[str, Any]) -> tuple[str, ...]:
    """The tracks there will be; both where the sender does not say."""
    said = start.get("tracks")
    tracks = {_TRACKS.get(str(track)) for track in said} if isinstance(said, list) else set()
    return tuple(track for track in ("inbound", "outbound") if track in tracks or not tracks)


def signed(url: str, token: str, signature: str) -> bool:
    """Whether `X-Twilio-Signature` is right: HMAC-SHA1 over the address, in base64.

    The address is the one that the sender was given; proxies hide it, so it is a setting.
    """
    for address in (url, url.rstrip("/"), url.rstrip("/") + "/"):
        made = hmac.new(token.encode(), address.encode(), hashlib.sha1).digest()
        if hmac.compare_digest(base64.b64encode(made).decode(), signature):
            return True
    return False
