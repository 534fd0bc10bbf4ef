"""Rule packs as the store kept them, ready to be run again: what judged a call can be asked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from monitor import rules
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.rules import Rulebook
from monitor.rules.language.resolve import ResolvedPack, find, resolve, shipped
from monitor.store.schema import Call, CallPack, Pack

_KEPT = 8  # compiled rulebooks: seconds of work and some megabytes each
_LAST = 200  # calls that tell which packs are in use


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a pack, by what is written in it. `id` is None for the file in use."""

    name: str
    version: str
    title: str
    text: str
    digest: str
    id: int | None = None
    calls: int = 0


def compiled(versions: Iterable[Version]) -> Rulebook:
    """The rulebook of these pack versions; compiled once and kept.

    Raises:
        UserError: one cannot be read (any more).
    """
    return _compiled(tuple(sorted(versions, key=lambda v: v.name)))


def resolved(version: Version) -> ResolvedPack:
    """A pack version with everything it inherits, without compiling it.

    Raises:
        UserError: it cannot be read (any more).
    """
    return _resolved(version)


def version_of(pack: Pack) -> Version:
    return Version(pack.name, pack.version, pack.title, pack.text, pack.digest, pack.id)


def installed() -> list[Version]:
    """The packs that come with the product, as their files are now."""
    return [_installed(file, file.stat().st_mtime_ns) for file in shipped()]


def versions(session: Session, name: str) -> list[Version]:
    """Those of a pack: the installed one first, then those that judged calls, newest first.

    Raises:
        UserError: nobody knows the pack.
    """
    counted = (
        select(Pack, func.count(CallPack.call_id))
        .outerjoin(CallPack, CallPack.pack_id == Pack.id)
        .where(Pack.name == name)
        .group_by(Pack.id)
        .order_by(Pack.id.desc())
    )
    kept = [
        Version(p.name, p.version, p.title, p.text, p.digest, p.id, calls)
        for p, calls in session.execute(counted)
    ]
    current = [version for version in installed() if version.name == name]
    if not current and not kept:
        raise UserError(tr(f"没有规则包 {name}", f"there is no rule pack {name}"))
    return [*current, *kept]


def newest(session: Session) -> list[Version]:
    """Every pack that is installed or judged calls, in its installed or newest version."""
    found = {version.name: version for version in installed()}
    for pack in session.scalars(select(Pack).order_by(Pack.id.desc())):
        found.setdefault(pack.name, version_of(pack))
    return [found[name] for name in sorted(found)]


def in_use(session: Session) -> list[Version]:
    """The versions that judged the last calls, newest first."""
    last = select(Call.id).order_by(Call.id.desc()).limit(_LAST)
    used = select(CallPack.pack_id).where(CallPack.call_id.in_(last))
    query = select(Pack).where(Pack.id.in_(used)).order_by(Pack.id.desc()).limit(_KEPT)
    return [version_of(pack) for pack in session.scalars(query)]


@lru_cache(maxsize=_KEPT)
def _compiled(versions: tuple[Version, ...]) -> Rulebook:
    with tempfile.TemporaryDirectory() as folder:
        return rules.load([_file(version, Path(folder)) for version in versions])


@lru_cache(maxsize=32)
def _resolved(version: Version) -> ResolvedPack:
    with tempfile.TemporaryDirectory() as folder:
        return resolve([_file(version, Path(folder))])[0]


@lru_cache(maxsize=64)
def _installed(file: Path, _changed_ns: int) -> Version:
    """What a pack file says of itself. It is read properly when it is asked for its rules."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    text = file.read_text("utf-8")
    try:
        data = YAML(typ="safe").load(text)
    except YAMLError:
        data = None
    said = data if isinstance(data, dict) else {}
    name, version = str(said.get("pack", file.stem)), str(said.get("version", "?"))
    return Version(name, version, str(said.get("title", "")), text, "")


def _file(version: Version, folder: Path) -> Path:
    """The version as a file; a pack it builds on is found among the installed ones."""
    if version.text:
        path = folder / f"{version.name}.yaml"
        path.write_text(version.text, "utf-8")
        return path
    file = find(version.name)
    if file is None:
        raise UserError(
            tr(
                f"规则包 {version.name}@{version.version} 的内容没有保存，也没有安装",
                f"rule pack {version.name}@{version.version} was not kept and is not installed",
            )
        )
    return file
