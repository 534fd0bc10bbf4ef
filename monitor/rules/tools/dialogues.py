"""Dialogues with right answers through the rules: what is found, missed and falsely alarmed.

A dialogue becomes a call – words with times, levels, and what would be measured
of them – and runs through the same replay as a stored call.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import (
    CallEnd,
    CallInfo,
    Event,
    Party,
    Reading,
    ScriptState,
    Severity,
    Speech,
    Token,
    Utterance,
)
from monitor.language.misheard import mishear
from monitor.rules import load
from monitor.rules.compiler.rulebook import Rulebook
from monitor.rules.language.dialogue_file import Dialogue, DialogueFile, Step
from monitor.rules.scorecard import scorecard
from monitor.rules.tools.examples import tokens_of
from monitor.rules.tools.replay import KnownCall, replay, standing

GAP_MS = 500
TAIL_MS = 1000


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that stood at the end; `sources` are the rows its rule answers for."""

    pack: str
    rule: str
    severity: Severity
    quote: str
    sources: frozenset[str]

    def to_json(self) -> dict[str, str]:
        return {"rule": self.rule, "severity": self.severity.value, "quote": self.quote}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One dialogue, judged. `wants` are (entry, rules that found it); a tip is never false."""

    id: str
    fam: str
    kind: str
    wants: tuple[tuple[str, tuple[str, ...]], ...]
    alerts: tuple[Raised, ...]
    false: tuple[Raised, ...]
    score: float
    grade: str
    agent_ms: int  # how long the agent spoke
    duration_ms: int

    @property
    def clean(self) -> bool:
        """Whether nothing was to be found."""
        return not self.wants

    def to_json(self) -> dict[str, Any]:
        """The line of `--json`."""
        return {
            "id": self.id,
            "fam": self.fam,
            "kind": self.kind,
            "wants": [{"want": want, "found": list(found)} for want, found in self.wants],
            "alerts": [alert.to_json() for alert in self.alerts],
            "false": [alert.to_json() for alert in self.false],
            "score": self.score,
            "grade": self.grade,
        }


@dataclass(slots=True)
class Tally:
    """Sums over dialogues."""

    calls: int = 0
    wants: int = 0
    found: int = 0
    clean: int = 0
    alarmed: int = 0
    false: int = 0
    tips: int = 0
    fatal: int = 0  # clean calls with a fatal alert
    duration_ms: int = 0
    agent_ms: int = 0

    def add(self, outcome: Outcome) -> None:
        self.calls += 1
        self.wants += len(outcome.wants)
        self.found += sum(bool(found) for _, found in outcome.wants)
        self.clean += outcome.clean
        self.alarmed += outcome.clean and bool(outcome.false)
        self.false += len(outcome.false)
        self.tips += sum(a.severity is Severity.TIP for a in outcome.alerts)
        self.fatal += outcome.clean and any(a.severity is Severity.FATAL for a in outcome.alerts)
        self.duration_ms += outcome.duration_ms
        self.agent_ms += outcome.agent_ms

    @property
    def recall(self) -> float:
        """1 where nothing was to be found."""
        return self.found / self.wants if self.wants else 1.0

    @property
    def alarmed_share(self) -> float:
        """Of the clean calls, those with a false alert; 0 where there is none."""
        return self.alarmed / self.clean if self.clean else 0.0


@dataclass(slots=True)
class Runner:
    """Runs dialogues; packs are compiled once for each load.

    `packs` take the place of every load; `noise` is the share of syllables that
    are misheard, the same ones in every run.
    """

    packs: Sequence[str | Path] = ()
    noise: float = 0.0
    _books: dict[tuple[str | Path, ...], Rulebook] = field(default_factory=dict)

    def run(self, file: DialogueFile) -> Iterator[Outcome]:
        """Every dialogue of the file, in order."""
        for dialogue in file.dialogues:
            yield self.judge(file, dialogue)

    def judge(self, file: DialogueFile, dialogue: Dialogue) -> Outcome:
        """One dialogue."""
        book = self._book(tuple(self.packs) or file.loads[dialogue.load])
        call = call_of(file, dialogue, self.noise)
        result = replay(book, call)
        alerts = standing(result)
        raised = tuple(
            Raised(
                book.rules[a.rule].pack,
                a.rule,
                a.severity,
                a.quote,
                frozenset(book.rules[a.rule].rule.source),
            )
            for a in alerts
        )
        card = scorecard(book, alerts, [o for o in result if isinstance(o, ScriptState)])
        return Outcome(
            id=dialogue.id,
            fam=dialogue.fam,
            kind=dialogue.kind,
            wants=tuple((w, _finders(raised, file.rows((w,)))) for w in dialogue.want),
            alerts=raised,
            false=tuple(_false(raised, file, dialogue)),
            score=card.total,
            grade=card.grade,
            agent_ms=sum(u.end_ms - u.start_ms for u in call.utterances if u.party is Party.AGENT),
            duration_ms=call.end.duration_ms,
        )

    def _book(self, packs: tuple[str | Path, ...]) -> Rulebook:
        if packs not in self._books:
            self._books[packs] = load(packs)
        return self._books[packs]


def _finders(raised: Iterable[Raised], rows: set[str]) -> tuple[str, ...]:
    return tuple(alert.rule for alert in raised if alert.sources & rows)


def _false(raised: Iterable[Raised], file: DialogueFile, dialogue: Dialogue) -> Iterator[Raised]:
    """Alerts above a tip for rows that nobody asked for.

    Where something forbidden was said, every family of forbidden words may be found.
    """
    allowed = file.rows((*dialogue.want, *dialogue.also))
    if dialogue.want:
        allowed |= {row for rows in file.families.values() for row in rows}
    for alert in raised:
        if alert.severity is not Severity.TIP and not alert.sources & allowed:
            yield alert


def call_of(file: DialogueFile, dialogue: Dialogue, noise: float = 0.0) -> KnownCall:
    """The dialogue as a call.

    Raises:
        UserError: a fact of the call is not what it should be.
    """
    frame = file.frames.get(dialogue.load)
    steps = dialogue.turns
    known: dict[str, Any] = dict(dialogue.call)
    released = dialogue.released_by
    if frame is not None:
        known = {**frame.call, **known}
        if dialogue.frame or dialogue.head:
            steps = (*frame.head, *steps)
        if dialogue.frame:
            steps = (*steps, *frame.tail)
            released = released or frame.released_by
    said = list(_said(steps, noise, random.Random(zlib.crc32(dialogue.id.encode()))))
    now = max((u.end_ms for u, _ in said), default=0)
    pauses = _last_pause(steps, now)
    end_ms = round(dialogue.end * 1000) if dialogue.end is not None else pauses + TAIL_MS
    direction = known.pop("direction", None)
    if direction not in (None, "inbound", "outbound"):
        raise UserError(
            tr(
                f"对话 {dialogue.id}：direction 应为 inbound 或 outbound，不是 {direction}",
                f"dialogue {dialogue.id}: direction must be inbound or outbound, not {direction}",
            )
        )
    started_at = known.pop("started_at", None)
    info = CallInfo(
        id=dialogue.id,
        source="dialogue",
        parties=tuple(Party),
        started_at=None if started_at is None else str(started_at),
        direction=direction,
        facts=known,
    )
    readings = tuple(_measured(info, said, end_ms))
    return KnownCall(info, tuple(u for u, _ in said), readings, (), CallEnd(end_ms, released))


def _said(
    steps: Iterable[Step], noise: float, chance: random.Random
) -> Iterator[tuple[Utterance, float]]:
    """The turns with their level in dBFS."""
    now, gap = 0, GAP_MS
    for step in steps:
        if step.party is None:
            now, gap = now + step.pause_ms, 0
            continue
        start = step.at_ms if step.at_ms is not None else now + gap
        gap = GAP_MS
        tokens, _ = tokens_of(step.text, step.party, start, round(60_000 / step.pace))
        if not tokens:
            continue
        end = tokens[-1].end_ms
        now = max(now, end)
        yield Utterance(step.party, start, end, _misheard(tokens, noise, chance)), step.level


def _misheard(tokens: list[Token], noise: float, chance: random.Random) -> tuple[Token, ...]:
    """The tokens as a recogniser might have written them; a lost one leaves its time empty."""
    if not noise:
        return tuple(tokens)
    found: list[Token] = []
    for token in tokens:
        heard = mishear([(token.text, token.syllable)], noise, chance)
        width = (token.end_ms - token.start_ms) // max(1, len(heard))
        for number, (text, syllable) in enumerate(heard):
            start = token.start_ms + number * width
            end = token.end_ms if number == len(heard) - 1 else start + width
            found.append(replace(token, text=text, syllable=syllable, start_ms=start, end_ms=end))
    return tuple(found)


def _last_pause(steps: Sequence[Step], spoken_ms: int) -> int:
    """Where the call ends: after the last words and the pauses behind them."""
    rest = 0
    for step in reversed(steps):
        if step.party is not None:
            break
        rest += step.pause_ms
    return spoken_ms + rest


def _measured(
    info: CallInfo, said: Iterable[tuple[Utterance, float]], end_ms: int
) -> Iterator[Reading]:
    from monitor.audio.conversation import Dynamics

    dynamics = Dynamics(info.parties)
    for turn, level in sorted(said, key=lambda pair: (pair[0].start_ms, pair[0].party)):
        speech = Speech(turn.party, turn.start_ms, turn.end_ms, level)
        events: tuple[Event, ...] = (*turn.tokens, speech, turn)
        for event in events:
            yield from (r for r in dynamics.feed(event) if r.final)
    yield from (r for r in dynamics.finish(end_ms) if r.final)


def tally(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], Tally]:
    """Sums by (family, kind); "∑" stands for all."""
    table: dict[tuple[str, str], Tally] = {}
    for outcome in outcomes:
        for key in (
            (outcome.fam, outcome.kind),
            (outcome.fam, "∑"),
            ("∑", outcome.kind),
            ("∑", "∑"),
        ):
            table.setdefault(key, Tally()).add(outcome)
    return table
