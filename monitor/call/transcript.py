"""A call's words as text, JSON line, SRT or WebVTT."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from monitor.base import labels
from monitor.base.call_record import CallRecord, utterance_json
from monitor.events import Token, Utterance

_CUE_CHARACTERS = 24
"""Longest cue, two comfortable lines of Chinese subtitles."""

_CUE_PAUSE_MS = 700  # a pause this long starts a new cue


def render(record: CallRecord, form: str, *, named: bool = False) -> str:
    """The transcript in the format `text`, `json`, `srt` or `vtt`, ending in a newline.

    `named` puts the source's name above plain text, for output of several files.

    Raises:
        ValueError: another format, or a call that has not ended.
    """
    if record.info is None or record.end is None:
        raise ValueError("the call has not ended")
    turns = sorted(record.utterances, key=lambda u: (u.start_ms, u.end_ms, u.party))
    match form:
        case "text":
            head = [f"# {record.info.source}"] if named else []
            return "".join(f"{line}\n" for line in [*head, *map(_text_line, turns)])
        case "json":
            data = {
                "source": record.info.source,
                "duration_ms": record.end.duration_ms,
                "utterances": [_plain(utterance_json(turn)) for turn in turns],
            }
            return json.dumps(data, ensure_ascii=False) + "\n"
        case "srt":
            cues = enumerate(_cues(turns), start=1)
            return "".join(f"{number}\n{_cue(tokens, ',')}\n" for number, tokens in cues)
        case "vtt":
            return "WEBVTT\n\n" + "".join(f"{_cue(tokens, '.')}\n" for tokens in _cues(turns))
        case _:
            raise ValueError(f"no transcript format {form!r}")


def _plain(turn: dict[str, Any]) -> dict[str, Any]:
    """The turn without the syllables the recogniser decided against (call JSON has them)."""
    for token in turn["tokens"]:
        del token["alternatives"]
    return turn


def _text_line(turn: Utterance) -> str:
    return f"[{labels.clock(turn.start_ms)}] {labels.party(turn.party)}: {turn.text}"


def _cues(turns: Sequence[Utterance]) -> Iterator[list[Token]]:
    for turn in turns:
        cue: list[Token] = []
        for token in turn.tokens:
            length = sum(len(t.text) for t in cue) + len(token.text)
            if cue and (
                length > _CUE_CHARACTERS or token.start_ms - cue[-1].end_ms > _CUE_PAUSE_MS
            ):
                yield cue
                cue = []
            cue.append(token)
        if cue:
            yield cue


def _cue(tokens: Sequence[Token], point: str) -> str:
    text = "".join(token.text for token in tokens)
    start, end = _stamp(tokens[0].start_ms, point), _stamp(tokens[-1].end_ms, point)
    return f"{start} --> {end}\n{labels.party(tokens[0].party)}: {text}\n"


def _stamp(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
