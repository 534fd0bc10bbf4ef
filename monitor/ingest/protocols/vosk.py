"""The WebSocket of vosk-server: one answer to every message with audio.

text    {"config": {"sample_rate": 8000, …}}
binary  s16le            → {"partial": "…"} or {"result": […], "text": "…"}
text    {"eof": 1}       → {"result": […], "text": "…"}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitor.events import Event, Partial, Token, Utterance
from monitor.ingest.protocols.reading import checked, inner, object_of, whole
from monitor.ingest.sources import Source
from monitor.ingest.steps import Audio, Begin, Close, Finish, Quiet, Send, Settle, Step


class Vosk(Quiet):
    """One connection, one call."""

    def __init__(self, source: Source, about: Mapping[str, Any]) -> None:
        self._source = source
        self._about = about
        self._config: Mapping[str, Any] = {}
        self._begun = False
        self._turns: list[Utterance] = []
        self._words: list[str] = []
        self._tail = ""

    def text(self, text: str) -> Iterator[Step]:
        message = object_of(text)
        self._config = {**self._config, **inner(message, "config")}
        if "eof" in message:
            if self._begun:
                yield Finish()
            else:
                yield from self.finished()

    def binary(self, data: bytes) -> Iterator[Step]:
        if not self._begun:
            self._begun = True
            rate = whole(self._config.get("sample_rate") or self._source.rate, "sample_rate")
            yield Begin(("mono",), checked("s16le", rate), {**self._about, "config": self._config})
        yield Audio(data)
        yield Settle()

    def heard(self, events: Sequence[Event]) -> Iterator[Step]:
        for event in events:
            if isinstance(event, Token):
                self._words.append(event.text)
            elif isinstance(event, Partial):
                self._tail = event.text
            elif isinstance(event, Utterance):
                self._turns.append(event)
                self._words, self._tail = [], ""
        yield from ()

    def settled(self) -> Iterator[Step]:
        if self._turns:
            yield self._result()
        else:
            yield _say({"partial": "".join(self._words) + self._tail})

    def finished(self) -> Iterator[Step]:
        yield self._result()
        yield Close()

    def _result(self) -> Step:
        turns, self._turns = self._turns, []
        tokens = [token for turn in turns for token in turn.tokens]
        answer: dict[str, Any] = {"text": " ".join(turn.text for turn in turns)}
        if tokens:
            answer["result"] = [
                {
                    "conf": round(token.confidence, 6),
                    "start": token.start_ms / 1000,
                    "end": token.end_ms / 1000,
                    "word": token.text,
                }
                for token in tokens
            ]
        return _say(answer)


def _say(answer: Mapping[str, Any]) -> Step:
    return Send(json.dumps(answer, ensure_ascii=False))
