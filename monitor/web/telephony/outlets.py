"""Where calls that come in go: panels and store at once, their audio when they are over."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from monitor.audio.record import Recorder
from monitor.base.errors import UserError
from monitor.events import Chunk, Event
from monitor.ingest.live_board import MakeOutlet, Outgoing
from monitor.rules.scorecard import Scorecard
from monitor.store import write
from monitor.store.schema import Call
from monitor.web.feed import LocalFeed

if TYPE_CHECKING:
    from fastapi import FastAPI

    from monitor.store import Store

_log = logging.getLogger("monitor.ingest")


class Stored:
    """A call into the server's panels and its store."""

    def __init__(self, main: FastAPI, call: Outgoing) -> None:
        self._store: Store = main.state.store
        self._feed = LocalFeed(main.state.intake, main.state.loop, call.key, None, call.agent)
        self._recorder: Recorder | None = None
        self._path = folder(self._store) / f"{call.key}.wav"
        if call.record:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._recorder = Recorder(self._path, call.parties)
            except OSError as error:
                _log.error("%s: cannot be written: %s", self._path, error.strerror)

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        self._feed(events, now_ms)

    def record(self, chunk: Chunk) -> None:
        if self._recorder is None:
            return
        try:
            self._recorder.write(chunk)
        except UserError as error:  # a full disk must not end the call
            _log.error("%s", error)
            self._recorder.close()
            self._recorder = None

    def finish(self, card: Scorecard) -> list[str]:
        problems = self._feed.finish(card)
        if self._recorder is not None:
            self._recorder.close()
        if self._path.exists() and self._feed.call_id is not None:
            try:
                _keep(self._store, self._feed.call_id, self._path)
            except UserError as error:
                problems.append(str(error))
        return problems


def into(main: FastAPI) -> MakeOutlet:
    """Calls go into this server's panels and store."""
    return lambda call: Stored(main, call)


def folder(store: Store) -> Path:
    """Where the audio of running calls grows."""
    return store.audio_dir.parent / "incoming"


def adopt(store: Store) -> None:
    """Give calls the audio that a server which was killed has left; each file is a whole WAV."""
    for path in sorted(folder(store).glob("ingest-*.wav")):
        with store.reading() as session:
            call_id = session.scalar(select(Call.id).where(Call.key == path.stem))
        try:
            if call_id is None:
                path.unlink()  # the call has been deleted, or never got into the store
            else:
                _keep(store, call_id, path)
        except (UserError, OSError) as error:
            _log.error("%s: %s", path, error)


def _keep(store: Store, call_id: int, path: Path) -> None:
    kept = store.put_audio(path)
    with store.session() as session:
        call = session.get(Call, call_id)
        if call is not None:
            write.keep_audio(session, call, kept)
    path.unlink(missing_ok=True)
