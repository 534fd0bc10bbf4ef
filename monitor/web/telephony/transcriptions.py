"""OpenAI's `/v1/audio/transcriptions` and `/v1/models`: a recording in, its words out.

Channel-true where the recording has a channel per party: segments of `verbose_json` and
`diarized_json` name their speaker, and the findings of the rules are there as `alerts`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from monitor.audio import file as audio_file
from monitor.base.call_record import CallRecord
from monitor.base.errors import UserError
from monitor.call import engine, transcript
from monitor.events import Utterance, to_dict
from monitor.ingest.sources import Source

if TYPE_CHECKING:
    from monitor.call.engine import Engine
    from monitor.web.telephony.door import Door

FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
UPLOAD_BYTES = 512 * 1024 * 1024
_WAITING = 16  # requests that may wait for their turn
_log = logging.getLogger("monitor.ingest")


class OpenAi:
    """The two addresses. Recordings are recognised one after the other: live calls come first."""

    def __init__(self, loaded: Engine, sources: list[Source], door: Door) -> None:
        self._loaded = loaded
        self._sources = sources
        self._door = door
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        if self._source(request) is None:
            return _not_allowed()
        model = {"id": self._model, "object": "model", "created": 0, "owned_by": "callmonitor"}
        return JSONResponse({"object": "list", "data": [model]})

    async def transcriptions(self, request: Request) -> Response:
        """`POST /v1/audio/transcriptions`; the name of the model does not matter."""
        source = self._source(request)
        if source is None:
            return _not_allowed()
        if self._waiting >= _WAITING:
            return _error(429, "too many recordings are waiting", "rate_limit_exceeded")
        self._waiting += 1
        try:
            return await self._transcribe(request, source)
        except HTTPException as error:
            return _error(error.status_code, error.detail)
        except UserError as error:
            return _error(400, str(error))
        finally:
            self._waiting -= 1

    async def _transcribe(self, request: Request, source: Source) -> Response:
        size = request.headers.get("content-length", "")
        if size.isdecimal() and int(size) > UPLOAD_BYTES:
            return _error(413, f"at most {UPLOAD_BYTES} bytes")
        async with request.form(max_files=1, max_fields=50) as form:
            upload = form.get("file")
            shape = str(form.get("response_format") or "json")
            streams = str(form.get("stream", "")).lower() == "true"
            if not isinstance(upload, UploadFile):
                return _error(400, "a recording is needed", param="file")
            if shape not in FORMATS:
                wanted = ", ".join(FORMATS)
                return _error(400, f"response_format: one of {wanted}", param="response_format")
            ending = Path(upload.filename or "").suffix[:10]
            with tempfile.NamedTemporaryFile(suffix=ending) as kept:
                await run_in_threadpool(_copy, upload, Path(kept.name))
                async with self._turn:
                    work = copy_context()
                    record = await run_in_threadpool(
                        work.run, _recognise, self._loaded, Path(kept.name), source
                    )
        if record.damage:
            _log.warning("%s: %s", source.name, record.damage)
        words = "word" in form.getlist("timestamp_granularities[]")
        return _answer(record, shape, words=words, streams=streams)

    def _source(self, request: Request) -> Source | None:
        address = request.client.host if request.client else ""
        for source in self._sources:
            if self._door.admits(source, address, request.headers, request.query_params):
                return source
        return None

    @property
    def _model(self) -> str:
        return self._loaded.recognizer.name.replace(" ", "-")


def _copy(upload: UploadFile, to: Path) -> None:
    with to.open("wb") as file:
        while block := upload.file.read(1024 * 1024):
            file.write(block)


def _recognise(loaded: Engine, path: Path, source: Source) -> CallRecord:
    """On a thread of its own."""
    stereo = [source.tracks[side] for side in ("left", "right") if side in source.tracks]
    mono = [source.tracks["mono"]] if "mono" in source.tracks else []
    wanted = {1: mono, 2: stereo}.get(audio_file.probe(path).channels) or None
    who = audio_file.parties(path, wanted)
    call = loaded.call("upload", who)
    return engine.run(call, audio_file.read_call(path, who))


def _answer(record: CallRecord, shape: str, *, words: bool, streams: bool) -> Response:
    turns = sorted(record.utterances, key=lambda turn: (turn.start_ms, turn.end_ms, turn.party))
    turns = [turn for turn in turns if turn.text]
    text = "\n".join(turn.text for turn in turns)
    if streams and shape in ("json", "text", "diarized_json"):
        return StreamingResponse(_events(turns, text), media_type="text/event-stream")
    match shape:
        case "text":
            return PlainTextResponse(text + "\n")
        case "srt" | "vtt":
            return PlainTextResponse(transcript.render(record, shape))
        case "json":
            return JSONResponse({"text": text, "usage": _usage(record)})
        case "diarized_json":
            segments = [_spoken(number, turn) for number, turn in enumerate(turns)]
            seconds = _seconds(record)
            told = {"task": "transcribe", "duration": seconds, "text": text, "segments": segments}
            return JSONResponse({**told, "usage": _usage(record), "alerts": _alerts(record)})
    verbose: dict[str, Any] = {
        "task": "transcribe",
        "language": "chinese",
        "duration": _seconds(record),
        "text": text,
        "segments": [_segment(number, turn) for number, turn in enumerate(turns)],
        "usage": _usage(record),
        "alerts": _alerts(record),
    }
    if words:
        verbose["words"] = [
            {"word": t.text, "start": t.start_ms / 1000, "end": t.end_ms / 1000}
            for turn in turns
            for t in turn.tokens
        ]
    return JSONResponse(verbose)


def _segment(number: int, turn: Utterance) -> Mapping[str, Any]:
    """A segment as OpenAI has it. Figures that this recogniser has not are neutral ones."""
    return {
        "id": number,
        "seek": 0,
        "start": turn.start_ms / 1000,
        "end": turn.end_ms / 1000,
        "text": turn.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
        "speaker": turn.party.value,
    }


def _spoken(number: int, turn: Utterance) -> Mapping[str, Any]:
    return {
        "type": "transcript.text.segment",
        "id": f"seg_{number}",
        "start": turn.start_ms / 1000,
        "end": turn.end_ms / 1000,
        "text": turn.text,
        "speaker": turn.party.value,
    }


def _events(turns: list[Utterance], text: str) -> Iterator[str]:
    for number, turn in enumerate(turns):
        yield _event({"type": "transcript.text.delta", "delta": ("\n" * (number > 0)) + turn.text})
    yield _event({"type": "transcript.text.done", "text": text})


def _event(data: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _alerts(record: CallRecord) -> list[Any]:
    return [to_dict(alert) for alert in record.alerts]


def _usage(record: CallRecord) -> Mapping[str, Any]:
    return {"type": "duration", "seconds": round(_seconds(record))}


def _seconds(record: CallRecord) -> float:
    return record.end.duration_ms / 1000 if record.end else 0.0


def _not_allowed() -> Response:
    return _error(401, "the API key is not accepted", "invalid_api_key")


def _error(
    status: int, text: str, code: str | None = None, param: str | None = None
) -> JSONResponse:
    kind = "invalid_request_error" if status < 500 else "server_error"
    problem = {"message": text, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": problem}, status)
