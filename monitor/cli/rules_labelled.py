"""The work of `monitor rules labelled`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.cli import trail

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def export(store: str | None, out: Path | None) -> None:
    """Write the labelled set: lines to the screen or into a `.jsonl` file, calls into a `.zip`
    or a folder."""
    from monitor.store import open_store

    suffix = out.suffix.lower() if out is not None else ".jsonl"
    if out is not None:
        _check(out, suffix)
    with open_store(store) as opened:
        with opened.session() as session:
            form = "jsonl" if suffix == ".jsonl" else "calls"
            trail.record(session, "labelled.export", "labelled set", form=form)
        with opened.reading() as session:
            count = _write(session, out, suffix)
    if out is not None:
        what = (
            tr(f"{count} 条判断", f"{count} judgements")
            if suffix == ".jsonl"
            else tr(f"{count} 通判过的通话", f"{count} judged calls")
        )
        click.echo(tr(f"已导出 {what} 到 {out}", f"{what} exported to {out}"), err=True)


def _check(out: Path, suffix: str) -> None:
    """What ends like another kind of file is no folder, unless there is one of that name."""
    if suffix in (".jsonl", ".zip"):
        if out.is_dir():
            raise UserError(tr(f"{out}：是文件夹，不是文件", f"{out}: is a folder, not a file"))
    elif out.is_file() or (suffix and not out.is_dir()):
        raise UserError(
            tr(
                f"{out}：应为 .jsonl、.zip 文件或文件夹",
                f"{out}: should be a .jsonl or .zip file, or a folder",
            )
        )


def _write(session: Session, out: Path | None, suffix: str) -> int:
    from monitor.base.files import write_atomically, write_bytes_atomically
    from monitor.quality.rules import labelled

    if out is None:
        lines = 0
        for line in labelled.lines(session):
            click.echo(line)
            lines += 1
        return lines
    if suffix == ".jsonl":
        said = list(labelled.lines(session))
        write_atomically(out, "".join(line + "\n" for line in said))
        return len(said)
    if suffix == ".zip":
        data, count = labelled.archive(session)
        write_bytes_atomically(out, data)
        return count
    calls = 0
    for name, call in labelled.calls(session):
        write_atomically(out / name, json.dumps(call, ensure_ascii=False) + "\n")
        calls += 1
    return calls
