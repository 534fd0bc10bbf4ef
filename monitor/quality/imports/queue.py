"""Recordings on their way into the store: found, claimed by one worker, done or failed.

The state lives in the table of imports, so a run that is interrupted goes on
where it stopped, and several workers on one folder share the work.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from monitor.audio import file as audio_file
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.names import kept_path, readable
from monitor.quality.imports.metadata import Known
from monitor.quality.tables import Import
from monitor.store import Store
from monitor.store.schema import now
from monitor.store.upsert import add_missing

UPLOAD = "upload"
TRIES = 3
"""A recording whose worker died this often is looked at in a process of its own, and last."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A recording as a look at the folder found it."""

    path: Path
    size: int
    changed_ns: int


def look(folder: Path, passed_over: Counter[str] | None = None) -> dict[Path, Seen]:
    """The recordings in a folder and its subfolders, hidden ones left out.

    `passed_over` counts files of other endings.

    Raises:
        UserError: there is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise UserError(tr(f"{folder}：没有这个文件夹", f"{folder}: no such folder"))
    found: dict[Path, Seen] = {}

    def refuse(error: OSError) -> None:
        raise UserError(
            tr(
                f"{error.filename}：无法读取：{error.strerror}",
                f"{error.filename}: cannot be read: {error.strerror}",
            )
        ) from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith("."):
                continue
            if not audio_file.is_named_as_recording(path):
                if passed_over is not None:
                    passed_over[path.suffix.lower()] += 1
                continue
            try:
                status = path.stat()
            except OSError:
                continue  # gone since the folder was listed, or a link that leads nowhere
            found[path] = Seen(path, status.st_size, status.st_mtime_ns)
    return found


def settled(before: Mapping[Path, Seen], after: Mapping[Path, Seen]) -> list[Seen]:
    """What did not change between two looks: files that are still being written stay out."""
    return [seen for path, seen in after.items() if seen.size and before.get(path) == seen]


def add(
    session: Session,
    origin: str,
    found: Iterable[tuple[Seen, str, Known]],
    user_id: int | None = None,
) -> None:
    """Note recordings, with their names and what is known of them; known versions stay as are."""
    rows: list[dict[str, Any]] = [
        {
            "origin": readable(origin),
            "place": kept_path(seen.path),
            "name": readable(name),
            "size": seen.size,
            "changed_ns": str(seen.changed_ns),
            "status": "waiting",
            "progress": 0.0,
            "reason": "",
            "tries": 0,
            "facts": known.to_dict(),
            "user_id": user_id,
            "added_at": now(),
        }
        for seen, name, known in found
    ]
    if rows:
        add_missing(session, Import, rows, ("place", "size", "changed_ns"))


def unknown(session: Session, found: Sequence[Seen]) -> list[Seen]:
    """Those that are not in the table yet."""
    places = [kept_path(seen.path) for seen in found]
    known: set[tuple[str, int, str]] = set()
    for start in range(0, len(places), 500):  # databases bound the length of a list
        part = places[start : start + 500]
        query = select(Import.place, Import.size, Import.changed_ns).where(Import.place.in_(part))
        known.update((place, size, changed) for place, size, changed in session.execute(query))
    return [s for s in found if (kept_path(s.path), s.size, str(s.changed_ns)) not in known]


def claim(store: Store, origins: Sequence[str]) -> Import | None:
    """The next waiting recording of these origins, this process's from now on.

    What a worker that has died left behind is taken up again.
    """
    with store.session() as session:
        _take_up(session, store)
        query = (
            select(Import)
            .where(Import.status == "waiting", Import.origin.in_(origins))
            .order_by(Import.tries >= TRIES, Import.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = session.scalars(query).first()
        if row is not None:
            row.status, row.worker, row.progress = "scoring", store.lease.number, 0.0
            row.tries += 1
        return row


def _take_up(session: Session, store: Store) -> None:
    scoring = Import.status == "scoring"
    for worker in session.scalars(select(Import.worker).where(scoring).distinct()).all():
        if worker is not None and not store.lease.has_died(session, worker):
            continue
        left = scoring & (Import.worker == worker)
        session.execute(update(Import).where(left).values(status="waiting", worker=None))


def advance(store: Store, number: int, progress: float) -> None:
    """Say how far the scoring of a recording has come, from 0 to 1."""
    with store.session() as session:
        session.execute(update(Import).where(Import.id == number).values(progress=progress))


def close(
    session: Session, number: int, status: str, *, call_id: int | None = None, reason: str = ""
) -> None:
    """A recording is done, failed or a duplicate."""
    values = {"status": status, "call_id": call_id, "reason": reason, "worker": None}
    done = {"progress": 1.0} if status != "failed" else {}
    session.execute(
        update(Import).where(Import.id == number).values(**values, **done, done_at=now())
    )


def release(store: Store, number: int) -> None:
    """Give a recording back that this process will not finish."""
    with store.session() as session:
        session.execute(
            update(Import)
            .where(Import.id == number, Import.status == "scoring")
            .values(status="waiting", worker=None, progress=0.0, tries=Import.tries - 1)
        )


def retry(session: Session, *numbers: int, origins: Sequence[str] = ()) -> int:
    """Let failed recordings be tried again, by number or all of some origins; returns how many."""
    which = Import.id.in_(numbers) if numbers else Import.origin.in_(origins)
    done = session.execute(
        update(Import)
        .where(which, Import.status == "failed")
        .values(status="waiting", reason="", progress=0.0, tries=0, done_at=None)
    )
    return int(getattr(done, "rowcount", 0))
