"""Scoring one recording of the table of imports into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.audio import file as audio_file
from monitor.audio.playable import prepare_quietly
from monitor.base import call_record
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.call import engine
from monitor.call.engine import Engine
from monitor.events import Chunk, Party, to_dict
from monitor.quality.imports import queue
from monitor.quality.imports.metadata import Known
from monitor.quality.tables import Import
from monitor.rules.scorecard import scorecard
from monitor.store import Store
from monitor.store.packs import texts_of
from monitor.store.problems import StoreError
from monitor.store.recordings import digest_of, recording_key
from monitor.store.schema import Call
from monitor.store.write import save_call

_STEPS = 20  # how often the progress of a call is told


class StoppedError(Exception):
    """The worker was asked to stop in the middle of a call."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one recording went."""

    name: str
    status: str  # done, failed, duplicate
    call_id: int | None
    reason: str
    score: float | None = None
    fatal_items: int = 0


def next_one(
    store: Store,
    loaded: Engine,
    origins: Sequence[str],
    channels: tuple[Party, ...] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome | None:
    """Score the next waiting recording; None when there is none, or when told to stop.

    A recording that cannot be scored is noted as failed with the reason.

    Raises:
        StoreError: the store cannot be written.
    """
    row = queue.claim(store, origins)
    if row is None:
        return None
    try:
        return _score(store, loaded, row, channels, stopped)
    except StoppedError:
        queue.release(store, row.id)
        return None
    except StoreError:  # the next one would fare no better
        queue.release(store, row.id)
        raise
    except UserError as error:
        return _failed(store, row, str(error))
    except Exception as error:  # one recording's defect must not stop the others
        reason = tr("内部错误", "internal error") + f": {type(error).__name__}: {error}"
        return _failed(store, row, reason)


def _score(
    store: Store,
    loaded: Engine,
    row: Import,
    channels: tuple[Party, ...] | None,
    stopped: Callable[[], bool],
) -> Outcome:
    path = Path(row.place)
    digest = digest_of(path)
    with store.reading() as session:
        same = _same(session, row, digest)
    if same is not None:
        with store.session() as session:
            queue.close(session, row.id, "duplicate", call_id=same)
        _tidy(row)
        return Outcome(row.name, "duplicate", same, "")
    known = Known.from_dict(row.facts)
    parties = audio_file.parties(path, channels)
    call = loaded.call(row.name, parties, known.call_facts())
    total_ms = audio_file.probe(path).duration_ms

    def watched(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        told = 0
        for chunk in chunks:
            if stopped():
                raise StoppedError
            step = int(_STEPS * chunk.start_ms / total_ms) if total_ms else 0
            if told < step < _STEPS:
                told = step
                queue.advance(store, row.id, step / _STEPS)
            yield chunk

    record = engine.run(call, watched(audio_file.read_call(path, parties)), known.released_by)
    card = scorecard(loaded.rulebook, record.alerts, record.scripts)
    data = call_record.to_json(record, to_dict(card), digest[:32])
    kept = store.put_audio(path)
    with store.session() as session:
        call_id = save_call(
            session,
            data,
            key=_key(session, row, digest),
            audio=kept,
            owner_id=row.user_id,
            packs=texts_of(loaded.rulebook),
        )
        queue.close(session, row.id, "done", call_id=call_id, reason=record.damage)
    prepare_quietly(store.audio_path(digest, path.suffix.lower()))
    _tidy(row)
    fatal = sum(line.fatal for line in card.lines)
    return Outcome(row.name, "done", call_id, record.damage, card.total, fatal)


def _failed(store: Store, row: Import, reason: str) -> Outcome:
    with store.session() as session:
        queue.close(session, row.id, "failed", reason=reason)
    return Outcome(row.name, "failed", None, reason)


def _same(session: Session, row: Import, digest: str) -> int | None:
    """The call that has this very recording already."""
    found = select(Call.id).where(
        Call.audio_digest == digest, Call.status == "complete", Call.key != _key(session, row, "")
    )
    return session.scalars(found.limit(1)).first()


def _key(session: Session, row: Import, digest: str) -> str:
    """The call's lasting name: that of its recording, or of the call which an earlier version of
    this file became (a recording that was not finished when it was read takes its place)."""
    earlier = (
        select(Call.key)
        .join(Import, Import.call_id == Call.id)
        .where(Import.place == row.place, Import.id != row.id, Import.status == "done")
        .order_by(Import.id.desc())
        .limit(1)
    )
    return session.scalars(earlier).first() or recording_key(digest)


def _tidy(row: Import) -> None:
    """An upload has been copied into the store: what was received can go."""
    if row.origin == queue.UPLOAD:
        Path(row.place).unlink(missing_ok=True)
