"""A call's recording for the browser: audio by range, peaks by stretch, clips."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from monitor.audio import playable
from monitor.audio.waveform import PeakFile
from monitor.base.i18n import tr
from monitor.store import Store
from monitor.store.schema import Audio, Call
from monitor.web.deps import Db, SignedIn, find_call, opened
from monitor.web.limits import Recent

router = APIRouter()

# The browser may keep what it heard for this page, but asks again whether it still may have it.
_CACHE = {"Cache-Control": "private, no-cache"}


def original_of(store: Store, db: Session, call: Call) -> Path | None:
    """The recording's file; None when the call has none, or it is gone."""
    if call.audio_digest is None:
        return None
    audio = db.get(Audio, call.audio_digest)
    if audio is None:
        return None
    path = store.audio_path(audio.digest, audio.suffix)
    return path if path.is_file() else None


def recording(store: Store, db: Session, call: Call) -> Path:
    """The same.

    Raises:
        HTTPException: 404, there is none.
    """
    path = original_of(store, db, call)
    if path is None:
        raise HTTPException(
            HTTPStatus.NOT_FOUND, tr("这通电话没有录音", "this call has no recording")
        )
    return path


@router.get("/calls/{call_id}/audio")
def audio(request: Request, db: Db, user: SignedIn, call_id: int) -> Response:
    """The recording in a form browsers play; any stretch of it by a Range header."""
    call = find_call(db, user, call_id)
    path = recording(request.app.state.store, db, call)
    stretch = request.headers.get("range", "")
    # A player asks for one stretch after the other: that is one listening, wherever it begins.
    lately: Recent = request.app.state.read_lately
    if lately.is_new((user.id, call.id, "audio")) or stretch.startswith("bytes=0-") or not stretch:
        opened(db, user, call, "call.listen", **({"range": stretch} if stretch else {}))
    made = playable.prepare(path)
    return FileResponse(made.audio, media_type=made.media_type, headers=_CACHE)


@router.get("/calls/{call_id}/peaks")
def peaks(
    request: Request,
    db: Db,
    user: SignedIn,
    call_id: int,
    from_ms: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    to_ms: Annotated[int, Query(ge=0, lt=2**31)] = 2**31 - 1,
    most: Annotated[int, Query(ge=1, le=8000)] = 1500,
) -> Response:
    """Least and greatest sample per bucket and channel: int8 [buckets, channels, 2].

    The headers say where the first bucket begins and how long each is.
    """
    call = find_call(db, user, call_id)
    made = playable.prepare(recording(request.app.state.store, db, call))
    file = PeakFile(made.peaks)
    view = file.view(from_ms, to_ms, most)
    headers = {
        "X-Peaks-Start": str(view.start_ms),
        "X-Peaks-Bucket": str(view.bucket_ms),
        "X-Peaks-Channels": str(file.channels),
        **_CACHE,
    }
    return Response(view.peaks.tobytes(), media_type="application/octet-stream", headers=headers)
