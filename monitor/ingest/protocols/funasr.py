"""The FunASR runtime's WebSocket (runtime/docs/websocket_protocol_zh.md in modelscope/FunASR).

    text    {"mode", "wav_name", "wav_format", "audio_fs", "is_speaking": true, …}
    binary  s16le, any size
    text    {"is_speaking": false}      and "is_end": true from clients of 1.4 on

Hot words are passed over: what matters is in the rules, and is found by sound.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from monitor.events import Event, Token, Utterance
from monitor.ingest.protocols.reading import checked, object_of, whole
from monitor.ingest.sources import Source
from monitor.ingest.steps import Audio, Begin, Close, Finish, Send, Step, WireError

_MODES = ("2pass", "online", "offline")
_OFFLINE = {"2pass": "2pass-offline", "offline": "offline", "online": "online"}


class FunAsr:
    """One connection; it may bring one call after another."""

    def __init__(self, source: Source, about: Mapping[str, Any]) -> None:
        self._source = source
        self._about = about
        self._config: dict[str, Any] = {}
        self._speaking = False
        self._ending = False
        self._ack = False
        self._last: list[Utterance] = []

    def text(self, text: str) -> Iterator[Step]:
        message = object_of(text)
        self._config.update(message)
        mode = self._config.setdefault("mode", "2pass")
        if mode not in _MODES:
            raise WireError(f"mode {str(mode)[:40]!r}: one of {', '.join(_MODES)}")
        form = str(self._config.get("wav_format") or "pcm").lower()
        if form not in ("pcm", "wav"):
            raise WireError(f"wav_format {form[:40]!r}: send pcm")
        if message.get("is_speaking") is False or message.get("is_end") is True:
            self._ack = bool(message.get("is_end"))
            if self._speaking:
                self._speaking, self._ending = False, True
                yield Finish()
            else:
                yield from self._farewell()

    def binary(self, data: bytes) -> Iterator[Step]:
        if not self._speaking:
            self._speaking, self._ending = True, False
            rate = whole(self._config.get("audio_fs") or self._source.rate, "audio_fs")
            said = {k: v for k, v in self._config.items() if k not in ("is_speaking", "is_end")}
            yield Begin(("mono",), checked("s16le", rate), {**self._about, **said})
            if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
                data = data[44:]  # a file with its header, as some clients send it
        yield Audio(data)

    def heard(self, events: Sequence[Event]) -> Iterator[Step]:
        mode = self._config.get("mode", "2pass")
        for event in events:
            if isinstance(event, Token) and mode != "offline":
                name = "online" if mode == "online" else "2pass-online"
                yield self._say(name, text=event.text, is_final=False)
            elif isinstance(event, Utterance) and mode != "online" and event.text:
                # The last one waits, so that it alone is final.
                if mode == "2pass" and not self._ending:
                    yield self._sentence(event, final=False)
                else:
                    self._last.append(event)

    def settled(self) -> Iterable[Step]:
        return ()

    def finished(self) -> Iterator[Step]:
        turns, self._last = self._last, []
        if self._config.get("mode") == "offline" and turns:
            tokens = tuple(token for turn in turns for token in turn.tokens)
            turns = [Utterance(turns[0].party, turns[0].start_ms, turns[-1].end_ms, tokens)]
        for turn in turns[:-1]:
            yield self._sentence(turn, final=False)
        if turns:
            yield self._sentence(turns[-1], final=True)
        else:
            yield from self._farewell()

    def refused(self, reason: str) -> Iterator[Step]:
        yield Send(json.dumps({"error": reason, "is_final": True}, ensure_ascii=False))
        yield Close(1013, reason.encode()[:120].decode(errors="ignore"))

    def _farewell(self) -> Iterator[Step]:
        """Nothing was left to say, and a client waits for the end all the same."""
        yield self._say(_OFFLINE[self._config.get("mode", "2pass")], text="", is_final=True)

    def _sentence(self, turn: Utterance, *, final: bool) -> Step:
        spans = [[token.start_ms, token.end_ms] for token in turn.tokens]
        sentence = {
            "text_seg": " ".join(token.text for token in turn.tokens),
            "punc": "",
            "start": turn.start_ms,
            "end": turn.end_ms,
            "ts_list": spans,
        }
        mode = _OFFLINE[self._config.get("mode", "2pass")]
        return self._say(
            mode,
            text=turn.text,
            timestamp=json.dumps(spans),
            stamp_sents=[sentence],
            is_final=final,
        )

    def _say(self, mode: str, **fields: Any) -> Step:
        message = {"mode": mode, "wav_name": str(self._config.get("wav_name", "")), **fields}
        if fields["is_final"] and self._ack:
            message["is_end"] = True
        return Send(json.dumps(message, ensure_ascii=False))
