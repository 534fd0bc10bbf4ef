"""`LiveWriter`: a live call on its way into the store, on a thread of its own.

Listening must never wait for a disk: events are handed over and written in
batches beside the call. When the store cannot be written for a while they
wait in memory and are tried again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from pathlib import Path
from typing import Any

from monitor.base.i18n import tr
from monitor.events import Event, Partial
from monitor.store.database import Store
from monitor.store.ingest import append_events, begin_call, mark_interrupted, next_seq, save_score
from monitor.store.keeping import keep_audio
from monitor.store.packs import PackText, keep, link
from monitor.store.problems import StoreError
from monitor.store.schema import Call

BATCH_S = 0.15
"""How long the first event of a batch waits for others."""

RETRY_S = 2.0
"""How long to wait after the store could not be written."""


class LiveWriter:
    """A sink that writes one live call (`monitor.call.live.Sink`), and a context manager.

    `key` identifies the call in the store; going on with a key that was
    interrupted numbers the events from where it stopped. `problems` tells what
    could not be kept; the call itself is never disturbed.

    Raises:
        StoreError: the store cannot be written when the call begins.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        owner_id: int | None = None,
        agent: str | None = None,
        packs: Sequence[PackText] = (),
    ) -> None:
        self.problems: list[str] = []
        self._store = store
        with store.session() as session:
            self.call_id = begin_call(session, key, owner_id=owner_id, agent=agent)
            self._seq = next_seq(session, self.call_id)
        self._packs = packs
        self._waiting: list[tuple[Event, int]] = []
        self._arrived: queue.SimpleQueue[tuple[Sequence[Event], int] | None] = queue.SimpleQueue()
        # The thread speaks the language of whoever started the call.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._run,), name="store", daemon=True
        )
        self._thread.start()

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        kept = [event for event in events if not isinstance(event, Partial)]
        if kept:
            self._arrived.put((kept, now_ms))

    def finish(self, score: Mapping[str, Any] | None = None, audio: Path | None = None) -> None:
        """Write what waits, the machine's scorecard and the recording; end the thread.

        A call whose `CallEnd` has not come is interrupted.
        """
        if not self._thread.is_alive():
            return
        self._arrived.put(None)
        self._thread.join()
        kept = None
        try:
            kept = self._store.put_audio(audio) if audio is not None else None
        except StoreError as error:  # no reason to lose the card, too
            self._complain(error)
        try:
            with self._store.session() as session:
                mark_interrupted(session, self.call_id)
                if score is not None:
                    save_score(session, self.call_id, score)
                if self._packs:
                    link(session, self.call_id, {row.id for row in keep(session, self._packs)})
                if kept is not None:
                    keep_audio(session, session.get_one(Call, self.call_id), kept)
        except StoreError as error:
            self._complain(error)

    def __enter__(self) -> LiveWriter:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.finish()

    def _run(self) -> None:
        over = False
        while not over:
            over = self._gather()
            if not self._write() and not over:
                time.sleep(RETRY_S)
        if self._waiting and not self._write():
            self.problems.append(
                tr(
                    f"{self._store.url_shown}：最后 {len(self._waiting)} 个事件没有存入",
                    f"{self._store.url_shown}: the last {len(self._waiting)} events are not kept",
                )
            )

    def _gather(self) -> bool:
        """Wait for events; True when the call is over."""
        item = self._arrived.get()
        until = time.monotonic() + BATCH_S
        while item is not None:
            events, now_ms = item
            self._waiting += [(event, now_ms) for event in events]
            try:
                item = self._arrived.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return False
        return True

    def _write(self) -> bool:
        if not self._waiting:
            return True
        try:
            with self._store.session() as session:
                seq = append_events(session, self.call_id, self._seq, self._waiting)
        except StoreError as error:
            self._complain(error)
            return False
        self._seq, self._waiting = seq, []
        return True

    def _complain(self, error: StoreError) -> None:
        if str(error) not in self.problems:
            self.problems.append(str(error))
