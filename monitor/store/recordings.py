"""Recorded calls that a batch keeps in a store: one call per recording, whatever its file is
called and wherever it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select

from monitor.audio.playable import prepare_quietly
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.store import open_store
from monitor.store.export import call_json
from monitor.store.packs import PackText
from monitor.store.schema import Call
from monitor.store.write import save_call, save_failed


class Recordings:
    """The store as a batch sees it. Several processes may write to it at once.

    Raises:
        StoreError: it cannot be opened.
    """

    def __init__(self, where: str) -> None:
        self._store = open_store(where)
        self.shown = self._store.url_shown

    def find(self, fingerprint: str) -> int | None:
        """The call that was scored from the same audio in the same way."""
        return self._known.get(fingerprint)

    def alike(self, source: Path, like: str) -> int | None:
        """The same for a recording that is the same inside: it may have been copied, moved or
        touched. `like` is how the fingerprint begins when only the audio differs."""
        with self._store.reading() as session:
            same = Call.key == recording_key(digest_of(source))
            done = select(Call.id).where(same, Call.status == "complete")
            return session.scalars(done.where(Call.fingerprint.startswith(like))).first()

    def save(self, source: Path, data: Mapping[str, Any], packs: Sequence[PackText]) -> None:
        """Keep a scored call with its recording.

        Raises:
            StoreError: the store cannot be written.
        """
        kept = self._store.put_audio(source)
        with self._store.session() as session:
            save_call(session, data, key=recording_key(kept.digest), audio=kept, packs=packs)
        prepare_quietly(self._store.audio_path(kept.digest, kept.suffix))

    def save_failed(self, source: Path, name: str, error: str) -> None:
        """Keep that a recording could not be scored, and why."""
        try:
            key = recording_key(digest_of(source))
        except UserError:  # it cannot even be read
            key = f"file:{source.resolve()}"
        with self._store.session() as session:
            save_failed(session, key=key, name=name, source=str(source), error=error)

    def read(self, call_id: int) -> dict[str, Any]:
        """The call JSON."""
        with self._store.reading() as session:
            return call_json(session, call_id)

    def row(self, call_id: int) -> dict[str, Any]:
        """The figures of a call, named as in a batch's summary."""
        with self._store.reading() as session:
            call = session.get_one(Call, call_id)
        levels = {
            name: getattr(call, name)
            for name in ("alerts_tip", "alerts_minor", "alerts_major", "alerts_fatal")
        }
        return {
            "status": "damaged" if call.error else "ok",
            "duration_s": round(call.duration_ms / 1000, 1),
            "score": call.score,
            "grade": call.grade,
            "fatal_items": call.fatal_items,
            "alerts": sum(levels.values()),
            **levels,
            "scripts_met": call.scripts_met,
            "scripts_missed": call.scripts_missed,
            "gaps": call.gaps,
            "error": call.error,
            "fingerprint": call.fingerprint,
        }

    def close(self) -> None:
        self._store.close()

    @cached_property
    def _known(self) -> dict[str, int]:
        done = select(Call.fingerprint, Call.id).where(
            Call.status == "complete", Call.fingerprint != ""
        )
        with self._store.reading() as session:
            return {row.fingerprint: row.id for row in session.execute(done)}


def recording_key(digest: str) -> str:
    """The key of the call in the recording with this SHA-256."""
    return f"sha256:{digest}"


def digest_of(path: Path) -> str:
    """The SHA-256 of a file.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            tr(f"{path}：无法读取：{error.strerror}", f"{path}: cannot be read: {error.strerror}")
        ) from error
