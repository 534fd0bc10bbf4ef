"""Recorded calls that a batch keeps in a store: one call per recording, whatever its file is
called and wherever it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from monitor.audio.playable import prepare_quietly
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.store import Store, open_store
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

    def find(self, fingerprint: str, source: str) -> int | None:
        """The call that was scored from the same file in the same way, without opening it. Files
        that lie elsewhere may share size and time of change: `alike` looks into them."""
        return self._known.get((fingerprint, source))

    def alike(self, source: Path, like: str) -> int | None:
        """The same for a recording that is the same inside: it may have been copied, moved or
        touched. `like` is how the fingerprint begins when only the audio differs."""
        with self._store.reading() as session:
            return scored_alike(session, digest_of(source), like)

    def save(self, source: Path, data: Mapping[str, Any], packs: Sequence[PackText]) -> None:
        """Keep a scored call with its recording.

        Raises:
            StoreError: the store cannot be written.
        """
        keep(self._store, source, data, packs)

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
            remarks = call.head.get("call", {}).get("remarks", ())
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
            "remarks": "; ".join(remarks),
            "error": call.error,
            "fingerprint": call.fingerprint,
        }

    def close(self) -> None:
        self._store.close()

    @cached_property
    def _known(self) -> dict[tuple[str, str], int]:
        done = select(Call.fingerprint, Call.source, Call.id).where(
            Call.status == "complete", Call.fingerprint != ""
        )
        with self._store.reading() as session:
            return {(row.fingerprint, row.source): row.id for row in session.execute(done)}


def keep(
    store: Store,
    source: Path,
    data: Mapping[str, Any],
    packs: Sequence[PackText],
    *,
    key: str | None = None,
    owner_id: int | None = None,
    also: Callable[[Session, int], None] = lambda _session, _call_id: None,
) -> int:
    """Keep a scored call with its recording; returns its id.

    `key` is the call's name where it is known, otherwise the call of this recording, old or new.
    `also` does what belongs in the same transaction, given the call's id.

    Raises:
        StoreError: the store cannot be written.
    """
    kept = store.put_audio(source)
    with store.session() as session:
        name = key or key_of(session, kept.digest) or recording_key(kept.digest)
        call_id = save_call(session, data, key=name, audio=kept, owner_id=owner_id, packs=packs)
        also(session, call_id)
    prepare_quietly(store.audio_path(kept.digest, kept.suffix))
    return call_id


def scored_alike(session: Session, digest: str, like: str) -> int | None:
    """The finished call of the recording with this SHA-256 whose fingerprint begins like this."""
    done = _of_recording(digest).where(Call.status == "complete")
    call = session.scalars(done.where(Call.fingerprint.startswith(like))).first()
    return call.id if call is not None else None


def key_of(session: Session, digest: str) -> str | None:
    """The key of the call that was scored from the recording with this SHA-256, if there is one."""
    call = session.scalars(_of_recording(digest).where(Call.status == "complete")).first()
    return call.key if call is not None else None


def _of_recording(digest: str) -> Select[Call]:
    """Calls scored from a recording, not live ones, the one that is named after it first: a file
    that was taken half-written keeps the name of its beginning."""
    named = Call.key == recording_key(digest)
    of = (Call.audio_digest == digest) | (named & Call.audio_digest.is_(None))
    return select(Call).where(of, Call.fingerprint != "").order_by(named.desc(), Call.id)


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
