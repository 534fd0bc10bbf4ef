"""A finding's evidence as a reviewer reads it: expected and heard side by side.

What a finding kept in the call JSON is enough to align it again with the words
that were recognised; no recogniser and no rule pack is needed for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.base.i18n import tr
from monitor.events import Party, Token, from_dict
from monitor.language.phrases import PatternError, nearest
from monitor.language.phrases.explain import Row, rows, verdict
from monitor.quality.review.findings import Finding
from monitor.rules.compiler.lone_slots import slot_alone
from monitor.rules.engine.forbidden import shown
from monitor.store.schema import Utterance

_AROUND_MS = 300  # recognisers place the edge of a syllable that exactly


@dataclass(frozen=True, slots=True)
class Comparison:
    """A phrase against the words nearest to it. `verdict` says how alike and what was allowed."""

    expected: str
    heard: str
    start_ms: int
    end_ms: int
    similarity: float
    rows: tuple[Row, ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a finding was made; parts that it has no use for are None or empty.

    `searched` is the span in which something was not found, `expected` what
    was looked for there, `missing` the parts of it that were not said.
    `nearest` is what came closest. `others` is whatever else was kept.
    """

    match: Comparison | None
    searched: tuple[int, int, int] | None  # from ms, to ms, syllables
    expected: tuple[str, ...]
    missing: tuple[str, ...]
    nearest: Comparison | None
    gaps: tuple[tuple[int, int], ...]
    measured: str
    reason: str
    others: Mapping[str, Any]


_SHOWN = frozenset(
    {"phrase", "cost", "differs", "searched", "expected", "missing", "nearest", "gaps", "measure",
     "value", "unit", "above", "below", "reason", "pack", "slots", "steps"}
)  # fmt: skip


def evidence(session: Session, call_id: int, found: Finding) -> Evidence:
    """The evidence of a finding in a call."""
    kept = found.evidence
    match = None
    phrase = kept.get("phrase")
    if isinstance(phrase, str) and found.quote:
        heard = tokens(session, call_id, found.party, found.start_ms, found.end_ms)
        match = compare(phrase, heard)
    near = kept.get("nearest")
    close = None
    if isinstance(near, dict):
        heard = tokens(session, call_id, found.party, near["start_ms"], near["end_ms"])
        close = compare(str(near["phrase"]), heard)
    span = kept.get("searched")
    return Evidence(
        match=match,
        searched=(span["from_ms"], span["to_ms"], span["syllables"])
        if isinstance(span, dict)
        else None,
        expected=tuple(map(str, kept.get("expected") or ())),
        missing=tuple(map(str, kept.get("missing") or ())),
        nearest=close,
        gaps=tuple((gap["from_ms"], gap["to_ms"]) for gap in kept.get("gaps") or ()),
        measured=_measured(kept),
        reason=str(kept.get("reason") or ""),
        others={key: value for key, value in kept.items() if key not in _SHOWN},
    )


def compare(phrase: str, heard: Sequence[Token]) -> Comparison | None:
    """The best alignment of a phrase with the words; None where nothing is like it at all."""
    if not heard or slot_alone(phrase):
        return None
    try:
        best = nearest(phrase, heard)
    except PatternError:  # written for an older version of the pattern language
        return None
    if best is None:
        return None
    return Comparison(
        expected=best.pattern,
        heard=best.quote,
        start_ms=best.start_ms,
        end_ms=best.end_ms,
        similarity=best.similarity,
        rows=tuple(rows(best)),
        verdict=verdict(best),
    )


def tokens(session: Session, call_id: int, party: str, start_ms: int, end_ms: int) -> list[Token]:
    """What a party said in a stretch (and a little around it), as committed."""
    turns = session.scalars(
        select(Utterance)
        .where(
            Utterance.call_id == call_id,
            Utterance.party == party,
            Utterance.start_ms <= end_ms + _AROUND_MS,
            Utterance.end_ms >= start_ms - _AROUND_MS,
        )
        .order_by(Utterance.start_ms)
    )
    found = (
        from_dict(Token, {"party": Party(party), **token})
        for turn in turns
        for token in turn.tokens
    )
    return [
        token
        for token in found
        if token.end_ms >= start_ms - _AROUND_MS and token.start_ms <= end_ms + _AROUND_MS
    ]


def _measured(kept: Mapping[str, Any]) -> str:
    """A measured quantity and the limit it passed; empty for other findings."""
    if "measure" not in kept:
        return ""
    names = {
        "silence": tr("静音", "silence"),
        "response_delay": tr("应答延迟", "response delay"),
        "interruption": tr("抢话", "interruption"),
        "overlap": tr("同时说话", "overlap"),
        "speech_rate": tr("语速", "speech rate"),
        "loudness": tr("音量", "loudness"),
        "loudness_change": tr("音量变化", "change of loudness"),
        "shout": tr("突然提高嗓门", "shout"),
        "pitch": tr("音高", "pitch"),
        "pitch_change": tr("音高变化", "change of pitch"),
        "pitch_range": tr("音调起伏", "range of pitch"),
        "pitch_rise": tr("句尾升降", "rise at the end"),
        "noise": tr("背景噪声", "background noise"),
        "clarity": tr("清晰度", "clarity"),
        "clarity_change": tr("清晰度变化", "change of clarity"),
        "cut_off": tr("被打断", "cut off"),
        "agitation": tr("激动指数", "agitation index"),
        "monologue": tr("独白", "monologue"),
        "talk_share": tr("说话占比", "talk share"),
        "rate_difference": tr("语速差", "difference of speech rates"),
    }
    unit = str(kept.get("unit", ""))
    text = f"{names.get(str(kept['measure']), kept['measure'])} {shown(kept['value'], unit)}"
    if "above" in kept:
        text += tr("，上限 ", ", at most ") + shown(kept["above"], unit)
    if "below" in kept:
        text += tr("，下限 ", ", at least ") + shown(kept["below"], unit)
    return text
