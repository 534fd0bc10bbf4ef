"""The files a live call leaves: the audio, its events as they come, and its call JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from monitor.audio.record import Recorder
from monitor.base import call_record, files
from monitor.base.call_record import CallRecord
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.call.engine import Engine
from monitor.events import Chunk, Event, Party, to_dict, to_json
from monitor.rules.scorecard import scorecard


class CallFiles:
    """Writes FILE.wav, FILE.jsonl and, at the end, FILE.json. A sink and a context manager.

    A disk that fills up must not end the call: the file that cannot go on is
    closed with what it has, and `problems` says so.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, audio: Path, parties: Sequence[Party], loaded: Engine) -> None:
        self.problems: list[str] = []
        self._loaded = loaded
        self._record = CallRecord()
        self._log = audio.with_suffix(".jsonl")
        self._json = audio.with_suffix(".json")
        try:
            audio.parent.mkdir(parents=True, exist_ok=True)
            self._audio: Recorder | None = Recorder(audio, parties)
            self._events: TextIO | None = self._log.open("w", encoding="utf-8")
        except OSError as error:
            raise UserError(
                tr(
                    f"{audio}：无法录音：{error.strerror}。请换一个可写的文件夹",
                    f"{audio}: cannot record here: {error.strerror}; choose a writable folder",
                )
            ) from error

    def __enter__(self) -> CallFiles:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop_audio()
        self._stop_events()
        if self._record.info is None:
            return
        record = self._record
        card = scorecard(self._loaded.rulebook, record.alerts, record.scripts)
        data = call_record.to_json(record, to_dict(card))
        text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
        try:
            files.write_atomically(self._json, text)
        except UserError as error:
            self.problems.append(str(error))

    def record(self, chunk: Chunk) -> None:
        if self._audio is None:
            return
        try:
            self._audio.write(chunk)
        except UserError as error:
            self.problems.append(str(error))
            self._stop_audio()

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        self._record(events, now_ms)
        if self._events is None or not events:
            return
        try:
            self._events.writelines(to_json(event) + "\n" for event in events)
            # Flushed at once: a killed process loses nothing that was shown.
            self._events.flush()
        except OSError as error:
            self._full(error)
            self._stop_events()

    def _stop_audio(self) -> None:
        recorder, self._audio = self._audio, None
        if recorder is not None:
            try:
                recorder.close()
            except UserError as error:
                self.problems.append(str(error))

    def _stop_events(self) -> None:
        events, self._events = self._events, None
        if events is not None:
            try:
                events.close()
            except OSError as error:
                self._full(error)

    def _full(self, error: OSError) -> None:
        self.problems.append(
            tr(
                f"{self._log}：事件没有记全：{error.strerror}。请检查磁盘空间",
                f"{self._log}: the events are incomplete: {error.strerror}; check disk space",
            )
        )
