"""A phrase that the recogniser spotted below the words, laid over the words: one `Match` for both.

The find says which pattern was heard and when. Here it gets the syllables that
were decoded meanwhile – what it is quoted with, what its slots hold, and how
the text differs from the pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.events import Spotted
from monitor.language.phrases.align import Alignment, align
from monitor.language.phrases.cells import Line
from monitor.language.phrases.costs import EDIT, NATS_PER_EDIT
from monitor.language.phrases.history import History
from monitor.language.phrases.pattern import Slot
from monitor.language.phrases.pending import Found
from monitor.language.phrases.values import Match, StepKind

if TYPE_CHECKING:
    from monitor.language.phrases.matcher import Matcher

NEGATION_SOUNDS = frozenset({"bu", "mei", "bie"})


def lay_over(matcher: Matcher, phrase: int, history: History, spotted: Spotted) -> Found | None:
    """The find as an occurrence of phrase number `phrase`.

    None when nothing of what was decoded lies in its span, when a slot holds
    nothing that fits, or when the words have a negation that the pattern lacks.
    """
    span = _span(history, spotted)
    if span is None:
        return None
    first, last = span
    line, exact = _best(matcher, phrase, history, first, last)
    if line is None or (exact is None and _has_slots(line)):
        return None
    if exact is not None and _negated(exact):
        return None
    compiled = matcher.compiled[phrase]
    units = history.span(first, last)
    match = Match(
        key=compiled.phrase.key,
        pattern=compiled.phrase.text,
        party=spotted.party,
        start_ms=units[0].start_ms,
        end_ms=units[-1].end_ms,
        at_ms=spotted.at_ms,
        first_token=units[0].token,
        last_token=units[-1].token,
        quote="".join(unit.raw for unit in units),
        similarity=round(max(0.0, 1.0 + spotted.score / NATS_PER_EDIT), 4),
        cost=_edits(spotted.score, line),
        budget=_edits(spotted.limit, line),
        alignment=exact.steps if exact is not None else (),
        slots=dict(exact.slots) if exact is not None else {},
        spotted=spotted,
    )
    return Found(phrase, first, last, match, line)


def _span(history: History, spotted: Spotted) -> tuple[int, int] | None:
    """The numbers of the first and last unit within the find."""
    first = last = None
    for number in range(history.count - 1, history.base - 1, -1):
        unit = history.units[number - history.base]
        if unit.start_ms < spotted.start_ms:
            break
        if unit.end_ms <= spotted.end_ms:
            first, last = number, number if last is None else last
    return None if first is None or last is None else (first, last)


def _best(
    matcher: Matcher, phrase: int, history: History, first: int, last: int
) -> tuple[Line | None, Alignment | None]:
    """The wording that the decoded syllables fit best, however badly."""
    line: Line | None = None
    best: Alignment | None = None
    for number in matcher.compiled[phrase].places:
        place = matcher.index.places[number]
        if place.line.short:
            continue
        line = line or place.line
        found = align(
            matcher.index,
            place,
            history.units,
            last - history.base,
            round(EDIT * place.line.length),
            floor=first - history.base,
            free=True,
        )
        if found is not None and (best is None or found.cost < best.cost):
            line, best = place.line, found
    return line, best


def _has_slots(line: Line) -> bool:
    pieces = [*line.before, *(piece for cell in line.cells for piece in cell.after)]
    return any(isinstance(piece, Slot) for piece in pieces)


def _negated(alignment: Alignment) -> bool:
    return any(
        step.kind in (StepKind.INSERTED, StepKind.SUBSTITUTED)
        and step.heard_sound in NEGATION_SOUNDS
        and step.expected_sound not in NEGATION_SOUNDS
        for step in alignment.steps
    )


def _edits(score: float, line: Line) -> float:
    return round(-score * len(line.cells) / NATS_PER_EDIT, 4)
