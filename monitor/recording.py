"""The files a live call leaves: the audio, its events as they come, and its call JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from monitor import calljson
from monitor.audio.record import Recorder
from monitor.calljson import CallRecord
from monitor.engine import Engine
from monitor.errors import UserError
from monitor.events import Chunk, Event, Party, to_dict, to_json
from monitor.i18n import tr
from monitor.score import scorecard


class CallFiles:
    """Writes FILE.wav, FILE.jsonl and, at the end, FILE.json. A sink and a context manager.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, audio: Path, parties: Sequence[Party], loaded: Engine) -> None:
        self._loaded = loaded
        self._record = CallRecord()
        self._json = audio.with_suffix(".json")
        try:
            audio.parent.mkdir(parents=True, exist_ok=True)
            self._audio = Recorder(audio, parties)
            self._events: TextIO = audio.with_suffix(".jsonl").open("w", encoding="utf-8")
        except OSError as error:
            raise UserError(
                tr(
                    f"{audio}: 无法录音:{error.strerror}。请换一个可写的文件夹",
                    f"{audio}: cannot record here: {error.strerror}; choose a writable folder",
                )
            ) from error

    def __enter__(self) -> CallFiles:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._audio.close()
        self._events.close()
        if self._record.info is not None:
            record = self._record
            card = scorecard(self._loaded.rulebook, record.alerts, record.scripts)
            data = calljson.to_json(record, to_dict(card))
            calljson.write_atomically(
                self._json, json.dumps(data, ensure_ascii=False, indent=1) + "\n"
            )

    def record(self, chunk: Chunk) -> None:
        self._audio.write(chunk)

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        self._record(events, now_ms)
        for event in events:
            self._events.write(to_json(event) + "\n")
        if events:
            # Flushed at once: a killed process loses nothing that was shown.
            self._events.flush()
