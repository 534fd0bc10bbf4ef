"""The best alignment of a phrase anywhere in what was said, however bad."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from monitor.events import Token
from monitor.language.phrases.align import Alignment, align, cell_costs, insertion_cost
from monitor.language.phrases.costs import EDIT
from monitor.language.phrases.index import Index, Place
from monitor.language.phrases.matcher import Matcher
from monitor.language.phrases.pattern import is_regex
from monitor.language.phrases.syllables import Syllable, split
from monitor.language.phrases.values import Match, Phrase

WORTH = 0.25
"""Below this similarity nothing is worth showing."""


def nearest(phrase_text: str, tokens: Sequence[Token]) -> Match | None:
    """What came nearest to the phrase in `tokens` of one party, without any threshold.

    None when nothing in it sounds like the phrase at all, or for a regular
    expression. `budget` of the result is what the phrase would have allowed.

    Raises:
        PatternError: bad pattern syntax.
    """
    units = [unit for at, token in enumerate(tokens) for unit in split(token, at)]
    if not units or is_regex(phrase_text):
        return None
    index = _index(phrase_text)
    best: tuple[float, int, Place, Alignment] | None = None
    for place in index.places:
        found = _best(index, place, units)
        if found is None:
            continue
        similarity = 1.0 - found.cost / EDIT / place.line.length
        if best is None or (similarity, -found.last) > best[:2]:
            best = (similarity, -found.last, place, found)
    if best is None or best[0] < WORTH:
        return None
    similarity, _, place, found = best
    span = units[found.first : found.last + 1]
    return Match(
        key="",
        pattern=phrase_text,
        party=tokens[0].party,
        start_ms=span[0].start_ms,
        end_ms=span[-1].end_ms,
        at_ms=span[-1].end_ms,
        first_token=span[0].token,
        last_token=span[-1].token,
        quote="".join(unit.raw for unit in span),
        similarity=round(similarity, 4),
        cost=found.cost / EDIT,
        budget=place.line.budget / EDIT,
        alignment=found.steps,
        slots=dict(found.slots),
    )


def _best(index: Index, place: Place, units: Sequence[Syllable]) -> Alignment | None:
    """The cheapest alignment of one line; slots that hold nothing fitting make it None."""
    ends = _ends(index, place, units)
    allowed = round(EDIT * place.line.length * (1.0 - WORTH))
    reach = sum(12 for _ in place.line.trailing)
    for end in np.argsort(ends, kind="stable")[:3]:
        if ends[end] > allowed:
            break
        for stop in range(min(len(units) - 1, int(end) + reach), int(end) - 1, -1):
            floor = max(0, stop - 4 * len(place.line.cells) - 40)
            found = align(index, place, units, stop, allowed, floor=floor, free=True)
            if found is not None:
                return found
    return None


def _ends(index: Index, place: Place, units: Sequence[Syllable]) -> np.ndarray:
    """Lower bound of the cost of an alignment ending at each unit, as int64 [units]."""
    skips = np.array([0] + [cell.skip for cell in place.line.cells])
    stays = np.array([True] + [bool(cell.after) for cell in place.line.cells])
    drift = np.cumsum(skips)
    column = drift.copy()
    ends = np.empty(len(units), np.int64)
    for at, unit in enumerate(units):
        extra = insertion_cost(unit, units[at - 1] if at else None)
        new = column + np.where(stays, 0, extra)
        new[1:] = np.minimum(new[1:], column[:-1] + cell_costs(index, place, unit))
        # Skips of any number: a running minimum once the skips so far are taken off.
        column = np.minimum.accumulate(new - drift) + drift
        ends[at] = column[-1]
    return ends


@lru_cache(maxsize=512)
def _index(phrase_text: str) -> Index:
    return Matcher([Phrase("", phrase_text)]).index
