"""Scoring one recording of the table of imports into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.audio import file as audio_file
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.names import path_of, text_of
from monitor.call.score_recording import Scorer, manner
from monitor.events import Chunk
from monitor.quality.imports import queue
from monitor.quality.imports.metadata import Known
from monitor.quality.imports.trial import Trial
from monitor.quality.tables import Import
from monitor.store import Store
from monitor.store.packs import texts_of
from monitor.store.problems import StoreError
from monitor.store.recordings import digest_of, keep, key_of, recording_key, scored_alike
from monitor.store.schema import Call

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
    scorer: Scorer,
    origins: Sequence[str],
    stopped: Callable[[], bool] = lambda: False,
    trial: Trial | None = None,
) -> Outcome | None:
    """Score the next waiting recording; None when there is none, or when told to stop.

    A recording that cannot be scored is noted as failed with the reason. One whose worker has
    died too often is scored in a process of its own before, if there is a `trial`.

    Raises:
        StoreError: the store cannot be written.
    """
    row = queue.claim(store, origins)
    if row is None:
        return None
    try:
        if row.tries > queue.TRIES and trial is not None:
            lives = trial.survives(path_of(row.place), stopped)
            if lives is None:
                raise StoppedError
            if not lives:
                return _failed(store, row, _too_often())
        return _score(store, scorer, row, stopped)
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


def _score(store: Store, scorer: Scorer, row: Import, stopped: Callable[[], bool]) -> Outcome:
    path = path_of(row.place)
    digest = digest_of(path)
    with store.reading() as session:
        key = _key(session, row, digest)
        known = Known.from_dict(row.facts).over(_known_before(session, key))
        facts = known.call_facts()
        like = manner(scorer.fingerprint(path, facts, known.released_by))
        same = scored_alike(session, digest, like) or _live(session, digest)
    if same is not None:
        with store.session() as session:
            queue.close(session, row.id, "duplicate", call_id=same)
        _tidy(row)
        return Outcome(row.name, "duplicate", same, "")
    total_ms = (audio_file.probe(path).duration_ms or 0) * (2 if scorer.second else 1)
    told = before_ms = 0

    def watched(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        nonlocal told, before_ms
        end_ms = before_ms
        for chunk in chunks:
            if stopped():
                raise StoppedError
            end_ms = before_ms + chunk.start_ms
            step = int(_STEPS * end_ms / total_ms) if total_ms else 0
            if told < step < _STEPS:
                told = step
                queue.advance(store, row.id, step / _STEPS)
            yield chunk
        before_ms = end_ms

    data = scorer.score(path, row.name, facts, known.released_by, watched)
    card = data["score"]
    data["call"]["damage"] = _as_named(row, data["call"]["damage"])
    # What the table of imports shows beside a call that is done.
    odd = "; ".join(filter(None, (data["call"]["damage"], *data["call"].get("remarks", ()))))

    def close(session: Session, call_id: int) -> None:
        queue.close(session, row.id, "done", call_id=call_id, reason=odd)

    texts = texts_of(scorer.engine.rulebook)
    call_id = keep(store, path, data, texts, key=key, owner_id=row.user_id, also=close)
    _tidy(row)
    fatal = sum(line["fatal"] for line in card["lines"])
    return Outcome(row.name, "done", call_id, odd, card["total"], fatal)


def _as_named(row: Import, text: str) -> str:
    """A complaint about the file under the name that its user gave it."""
    return text.replace(text_of(str(path_of(row.place))), row.name)


def _too_often() -> str:
    return tr(
        f"处理这个录音时程序意外退出 {queue.TRIES} 次，单独处理时也退出",
        f"the program died {queue.TRIES} times on this recording, and once more in a process"
        " of its own",
    )


def _failed(store: Store, row: Import, reason: str) -> Outcome:
    reason = _as_named(row, reason)
    with store.session() as session:
        queue.close(session, row.id, "failed", reason=reason)
    return Outcome(row.name, "failed", None, reason)


def _live(session: Session, digest: str) -> int | None:
    """The call that was heard live and left this very recording: it stays as it was heard."""
    found = select(Call.id).where(
        Call.audio_digest == digest, Call.status == "complete", Call.fingerprint == ""
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
    known = key_of(session, digest) or session.scalars(earlier).first()
    return known or recording_key(digest)


def _known_before(session: Session, key: str) -> Known:
    """What was said of the call when it was imported before: what was known stays known."""
    earlier = (
        select(Import.facts)
        .join(Call, Import.call_id == Call.id)
        .where(Call.key == key)
        .order_by(Import.id)
    )
    known = Known()
    for facts in session.scalars(earlier):
        known = Known.from_dict(facts).over(known)
    return known


def _tidy(row: Import) -> None:
    """An upload has been copied into the store: what was received can go."""
    if row.origin == queue.UPLOAD:
        path_of(row.place).unlink(missing_ok=True)
