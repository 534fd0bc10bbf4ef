"""A call's words as text, JSON line, SRT or WebVTT."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from monitor.base import labels
from monitor.base.call_record import CallRecord, utterance_json
from monitor.events import Party, Token, Utterance

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
            cues = enumerate(cues_of(turns), start=1)
            return "".join(f"{number}\n{_cue(cue, ',', cue.text)}\n" for number, cue in cues)
        case "vtt":
            cue_texts = (_cue(cue, ".", _for_vtt(cue.text)) for cue in cues_of(turns))
            return "WEBVTT\n\n" + "".join(f"{text}\n" for text in cue_texts)
        case _:
            raise ValueError(f"no transcript format {form!r}")


def _plain(turn: dict[str, Any]) -> dict[str, Any]:
    """The turn without the syllables the recogniser decided against (call JSON has them)."""
    for token in turn["tokens"]:
        del token["alternatives"]
    return turn


def _text_line(turn: Utterance) -> str:
    return f"[{labels.clock(turn.start_ms)}] {labels.party(turn.party)}: {turn.text}"


@dataclass(frozen=True, slots=True)
class Cue:
    """Words shown from `start_ms` until `end_ms`, which comes later."""

    party: Party
    start_ms: int
    end_ms: int
    text: str


def cues_of(turns: Sequence[Utterance]) -> list[Cue]:
    """The cues of all turns in the order in which they are to be shown.

    A party has one cue at a time: the next one cuts it short. Cues of different
    parties overlap where the parties do; players stack them.
    """
    cues = sorted(
        (_made(tokens) for turn in turns for tokens in _tokens(turn)),
        key=lambda cue: (cue.start_ms, cue.end_ms, cue.party),
    )
    following: dict[Party, int] = {}
    shown = []
    for cue in reversed(cues):
        end_ms = min(cue.end_ms, following.get(cue.party, cue.end_ms))
        following[cue.party] = cue.start_ms
        # Players drop a cue that lasts no time.
        shown.append(replace(cue, end_ms=max(end_ms, cue.start_ms + 1)))
    return shown[::-1]


def _tokens(turn: Utterance) -> Iterator[list[Token]]:
    """The turn in cues of a length that can be read at a glance."""
    cue: list[Token] = []
    for token in turn.tokens:
        length = sum(len(t.text) for t in cue) + len(token.text)
        if cue and (length > _CUE_CHARACTERS or token.start_ms - cue[-1].end_ms > _CUE_PAUSE_MS):
            yield cue
            cue = []
        cue.append(token)
    if cue:
        yield cue


def _made(tokens: Sequence[Token]) -> Cue:
    # A blank line would end the cue.
    text = " ".join("".join(token.text for token in tokens).split("\n"))
    return Cue(tokens[0].party, tokens[0].start_ms, tokens[-1].end_ms, text)


def _cue(cue: Cue, point: str, text: str) -> str:
    start, end = _stamp(cue.start_ms, point), _stamp(cue.end_ms, point)
    return f"{start} --> {end}\n{labels.party(cue.party)}: {text}\n"


def _for_vtt(text: str) -> str:
    """Text of a WebVTT cue, where `<` begins a tag and `-->` a timing (W3C WebVTT, 4.2)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stamp(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
