"""The process that scores uploads: beside the server, so that pages and live calls stay quick."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI

from monitor.base.i18n import language
from monitor.store import Store

_END_S = 20.0  # how long a worker may take to lay its work down


class Worker:
    """At most one `monitor watch` process, begun when there is something to do."""

    def __init__(self, store: Store, arguments: Sequence[str] = ("--uploads",)) -> None:
        self._store = store
        self._arguments = arguments
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def wake(self) -> None:
        """See to it that a process is running."""
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return
            surroundings = {
                **os.environ,
                # Not an argument: everybody on the machine can read those, and a URL may
                # hold a password.
                "MONITOR_STORE": self._store.where,
                "MONITOR_AUDIO": str(self._store.audio_dir),
                "MONITOR_LANG": language(),
            }
            self._process = subprocess.Popen(
                [sys.executable, "-m", "monitor", "watch", *self._arguments],
                env=surroundings,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """End it; the call it was at is taken up again the next time."""
        with self._lock:
            process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def arguments(packs: Sequence[str], asr: str | None, confirm: str | None = None) -> tuple[str, ...]:
    """The options of `monitor watch` that say how calls are scored."""
    chosen = [word for pack in packs for word in ("--pack", pack)]
    heard = ("--asr", asr) if asr else ()
    return (*chosen, *heard, *(("--confirm", confirm) if confirm else ()))


@contextmanager
def watching(app: FastAPI, folders: Sequence[Path], more: Sequence[str] = ()) -> Iterator[None]:
    """Watch folders for recordings while the server runs (`monitor serve --watch`)."""
    worker = Worker(app.state.store, [*(str(folder.absolute()) for folder in folders), *more])
    worker.wake()
    try:
        yield
    finally:
        worker.close()
