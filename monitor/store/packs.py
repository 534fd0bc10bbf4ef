"""Rule packs with their versions: what judged a call can be read again later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from monitor.rules import Rulebook
from monitor.store.schema import CallPack, Pack, now
from monitor.store.upsert import add_missing


@dataclass(frozen=True, slots=True)
class PackText:
    """One version of a pack. `digest` covers the packs it builds on, too."""

    name: str
    version: str
    title: str
    text: str
    digest: str


def texts_of(rulebook: Rulebook) -> tuple[PackText, ...]:
    """The packs of a rulebook as they were written."""
    found = []
    for pack in rulebook.resolved:
        text = pack.file.read_text("utf-8")
        files = {written.origin.source.file for written in pack.rules.values()}
        files |= {origin.source.file for origin in pack.origins.values()}
        sha = hashlib.sha256(text.encode())
        for file in sorted(files - {pack.file}, key=lambda file: file.name):
            sha.update(file.read_bytes())
        found.append(PackText(pack.id, pack.version, pack.title, text, sha.hexdigest()))
    return tuple(found)


def keep(session: Session, packs: Sequence[PackText]) -> list[Pack]:
    """The rows of these versions, added where they are new."""
    return [_keep(session, pack) for pack in packs]


def named(session: Session, packs: Sequence[tuple[str, str]]) -> list[Pack]:
    """The rows of packs known by name and version alone: the newest text of that version, or
    a row without one."""
    rows = []
    for name, version in packs:
        newest = select(Pack).where(Pack.name == name, Pack.version == version)
        row = session.scalars(newest.order_by(Pack.id.desc()).limit(1)).first()
        rows.append(row or _keep(session, PackText(name, version, "", "", f"version {version}")))
    return rows


def versions(call: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The (name, version) pairs that the `call` of a call JSON names."""
    return [(pack["id"], pack["version"]) for pack in call.get("packs") or ()]


def link(session: Session, call_id: int, pack_ids: set[int]) -> None:
    """Say which packs judged a call, in place of what was said before."""
    session.execute(delete(CallPack).where(CallPack.call_id == call_id))
    for pack_id in sorted(pack_ids):
        session.execute(insert(CallPack).values(call_id=call_id, pack_id=pack_id))


def _keep(session: Session, pack: PackText) -> Pack:
    values = {
        "name": pack.name,
        "version": pack.version,
        "digest": pack.digest,
        "title": pack.title,
        "text": pack.text,
        "added_at": now(),
    }
    same = select(Pack).where(Pack.name == pack.name, Pack.digest == pack.digest)
    row = session.scalars(same).first()
    if row is None:
        add_missing(session, Pack, [values], ("name", "digest"))
        row = session.scalars(same).one()
    return row
