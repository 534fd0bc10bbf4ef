"""Recordings into the store: uploads, and how far imports have come."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path, PurePath
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, File, Form, HTTPException, Query, UploadFile
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from monitor.audio import file as audio_file
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.names import kept_path, readable
from monitor.base.time_zone import local_zone
from monitor.quality.imports import queue as job_queue
from monitor.quality.imports.metadata import (
    Assignment,
    FieldError,
    Known,
    Pattern,
    Table,
    parse_csv,
    read_fields,
)
from monitor.quality.imports.queue import Seen
from monitor.quality.tables import Import
from monitor.store import audit
from monitor.store.schema import Call, User
from monitor.web.deps import Db, need
from monitor.web.pages import flash, page
from monitor.web.qa.worker import Worker
from monitor.web.roles import Role
from monitor.web.uploads import check_recording

_PER_PAGE = 100
_CSV_BYTES = 20 * 1024 * 1024

Qa = Annotated[User, need(Role.QA)]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Uploads that were waiting when the server ended are taken up again."""
    more = getattr(app.state, "scoring", ())  # what `monitor serve` was told of packs and engine
    app.state.scorer = Worker(app.state.store, ("--uploads", *more))

    def waiting() -> bool:
        with app.state.store.reading() as session:
            left = Import.status.in_(("waiting", "scoring"))
            query = select(exists().where(left, Import.origin == job_queue.UPLOAD))
            return bool(session.scalar(query))

    if await run_in_threadpool(waiting):
        app.state.scorer.wake()
    try:
        yield
    finally:
        await run_in_threadpool(app.state.scorer.close)


router = APIRouter(include_in_schema=False, lifespan=_lifespan)


@router.get("/imports")
def table(
    request: Request,
    db: Db,
    _user: Qa,
    status: Annotated[str, Query(pattern="^(waiting|scoring|done|failed|duplicate|)$")] = "",
    at: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """What was imported, the newest first."""
    counts = _counts(db)
    query = select(Import, Call).outerjoin(Call, Call.id == Import.call_id)
    if status:
        query = query.where(Import.status == status)
    # What needs eyes first: at work, waiting, then the rest by age.
    query = query.order_by((Import.status == "scoring").desc(), Import.id.desc())
    rows = db.execute(query.offset((at - 1) * _PER_PAGE).limit(_PER_PAGE)).all()
    total = counts.get(status, 0) if status else sum(counts.values())
    return page(
        request,
        "qa/imports.html",
        rows=rows,
        counts=counts,
        chosen=status,
        at=at,
        total=total,
        per_page=_PER_PAGE,
        statuses=[(name, status_name(name)) for name in _STATUSES],
        suffixes=sorted(audio_file.SUFFIXES),
        limit_mb=request.app.state.settings.upload_bytes // (1024 * 1024),
    )


@router.get("/imports/progress")
def progress(
    db: Db, _user: Qa, number: Annotated[list[int] | None, Query(max_length=500)] = None
) -> JSONResponse:
    """How far some imports have come."""
    wanted = [n for n in number or [] if 0 < n < 2**31]
    query = (
        select(Import, Call).outerjoin(Call, Call.id == Import.call_id).where(Import.id.in_(wanted))
    )
    rows = [_told(row, call) for row, call in db.execute(query)]
    return JSONResponse({"imports": rows, "counts": dict(_counts(db))})


@router.post("/imports")
def upload(
    request: Request,
    user: Qa,
    files: Annotated[list[UploadFile] | None, File()] = None,
    metadata: Annotated[UploadFile | None, File()] = None,
    pattern: Annotated[str, Form(max_length=300)] = "",
    agent: Annotated[str, Form(max_length=100)] = "",
    queue: Annotated[str, Form(max_length=100)] = "",
    direction: Annotated[str, Form(max_length=20)] = "",
    tier: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Take recordings in; a process beside the server scores them."""
    given = [file for file in files or [] if file.filename]
    if not given:
        raise UserError(tr("没有选择录音", "no recording was chosen"))
    zone = local_zone()
    said = {"agent": agent, "queue": queue, "direction": direction, "tier": tier}
    try:
        usual = read_fields({name: value for name, value in said.items() if value}, zone)
    except FieldError as error:
        raise UserError(f"{error.name}: {error}") from None
    table = _metadata(metadata)
    named = Pattern(pattern) if pattern.strip() else None
    names = [_shown_name(file) for file in given]
    listed = table.assign([PurePath(name) for name in names]) if table else None
    taken: list[tuple[Seen, str, Known]] = []
    refused: list[tuple[str, str]] = []
    store = request.app.state.store
    try:
        for file, name in zip(given, names, strict=True):
            try:
                known = _known(PurePath(name), listed, named).over(usual)
                taken.append((_received(store.audio_dir / "incoming", file, name), name, known))
            except UserError as error:  # this file only: the others are taken
                refused.append((name, str(error)))
        if not taken:
            raise UserError("; ".join(reason for _name, reason in refused[:5]))
        with store.session() as session:
            job_queue.add(session, job_queue.UPLOAD, taken, user.id)
            audit.record(
                session, user.name, user.id, "imports.upload", f"{len(taken)} files",
                names=[name for _seen, name, _facts in taken[:50]],
            )  # fmt: skip
    except BaseException:
        for seen, _name, _facts in taken:
            seen.path.unlink(missing_ok=True)
        raise
    request.app.state.scorer.wake()  # now that there is something to be seen
    places = [kept_path(seen.path) for seen, _name, _facts in taken]
    with store.reading() as session:
        rows = session.scalars(select(Import).where(Import.place.in_(places))).all()
    if "application/json" in request.headers.get("accept", ""):
        told = {
            "imports": [_told(row, None) for row in rows],
            "refused": [{"name": name, "reason": reason} for name, reason in refused],
            "without_row": [path.name for path in listed.without] if listed else [],
            "rows_left": list(listed.left) if listed else [],
        }
        return JSONResponse(told, HTTPStatus.ACCEPTED)
    flash(request, tr(f"已收到 {len(taken)} 个录音", f"{len(taken)} recordings received"))
    for line in listed.complaints(table.name) if listed and table else ():
        flash(request, line, "error")
    if len(refused) > 1:
        flash(request, tr(f"拒收 {len(refused)} 个文件", f"{len(refused)} files refused"), "error")
    for _name, reason in refused[:1]:
        flash(request, reason, "error")
    return RedirectResponse("/imports", HTTPStatus.SEE_OTHER)


@router.post("/imports/retry")
def retry(request: Request, user: Qa, number: Annotated[int, Form(ge=1, lt=2**31)]) -> Response:
    """Try a failed import again."""
    with request.app.state.store.session() as session:
        if not job_queue.retry(session, number):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        audit.record(session, user.name, user.id, "imports.retry", f"import {number}")
    request.app.state.scorer.wake()
    return RedirectResponse("/imports", HTTPStatus.SEE_OTHER)


def _received(folder: Path, file: UploadFile, name: str) -> Seen:
    """The upload as a file of ours; its name is kept beside it, never used as a path."""
    suffix = check_recording(file.file, name)
    path = folder / f"{secrets.token_hex(16)}{suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise UserError(
            tr(
                f"{name}：无法保存：{error.strerror}。请检查服务器磁盘空间",
                f"{name}: cannot be kept: {error.strerror}; check the server's disk space",
            )
        ) from error
    status = path.stat()
    return Seen(path, status.st_size, status.st_mtime_ns)


def _metadata(file: UploadFile | None) -> Table | None:
    if file is None or not file.filename:
        return None
    raw = file.file.read(_CSV_BYTES + 1)
    if len(raw) > _CSV_BYTES:
        raise UserError(tr(f"{file.filename}：太大", f"{file.filename}: too large"))
    return parse_csv(raw, file.filename, local_zone())


def _shown_name(file: UploadFile) -> str:
    """What the user calls the file, without folders."""
    return readable(PurePath((file.filename or "").replace("\\", "/")).name)[:200]


def _known(name: PurePath, table: Assignment | None, pattern: Pattern | None) -> Known:
    listed = (table.known.get(name) if table else None) or Known()
    return listed.over((pattern.match(name, local_zone()) if pattern else None) or Known())


def _counts(db: Session) -> Mapping[str, int]:
    query = select(Import.status, func.count()).group_by(Import.status)
    return dict(db.execute(query).all())


def _told(row: Import, call: Call | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "text": status_name(row.status),
        "progress": row.progress,
        "reason": row.reason,
        "call": row.call_id,
        "score": call.final_score if call else None,
        "fatal": call.final_fatal if call else 0,
    }


def status_name(value: str) -> str:
    """An import's state in words."""
    names = {
        "waiting": tr("等待", "Waiting"),
        "scoring": tr("评分中", "Scoring"),
        "done": tr("完成", "Done"),
        "failed": tr("失败", "Failed"),
        "duplicate": tr("重复", "Duplicate"),
    }
    return names.get(value, value)


_STATUSES: Sequence[str] = ("scoring", "waiting", "done", "failed", "duplicate")
