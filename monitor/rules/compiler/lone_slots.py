"""A slot that stands alone (`{号码}`, `{时间}`): found by its grammar, not by sound.

The matcher looks for the syllables of a phrase; a phrase that is nothing but a
slot has none. What a slot may hold can go on growing, so a find is certain once
`_SURE` further syllables, or a pause, have not made it longer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from monitor.events import Party, Token
from monitor.language.phrases import SLOTS, Match
from monitor.language.phrases.slots import SlotKind
from monitor.language.phrases.syllables import Syllable, split

_ALONE = re.compile(r"\{([^{}]+)\}")
_SURE = 4
PAUSE_MS = 1200
"""A pause of this length ends what a slot may hold; below the lag of the ordered lane."""


def slot_alone(pattern: str) -> str | None:
    """The name of the slot when the pattern is just that."""
    match = _ALONE.fullmatch(pattern.strip())
    return match[1] if match and match[1] in SLOTS else None


class Spotter:
    """One party's slots. `wanted`: key of the phrase → name of the slot."""

    def __init__(self, party: Party, wanted: Mapping[str, str]) -> None:
        self._party = party
        self._wanted = dict(sorted(wanted.items()))
        self._units: list[Syllable] = []
        self._tokens = 0
        self._free: dict[str, int] = {}  # key → first unit of _units not yet used

    def switch(self, wanted: Mapping[str, str]) -> None:
        """Look for other slots from now on."""
        self._wanted = dict(sorted(wanted.items()))

    def feed(self, token: Token) -> list[Match]:
        """The next token; returns what became certain with it."""
        found = self.advance(token.start_ms)
        self._units += split(token, self._tokens)
        self._tokens += 1
        return found + self._search(ended=False)

    def advance(self, settled_ms: int) -> list[Match]:
        """Nothing was said between the last token and `settled_ms`."""
        if self._units and settled_ms - self._units[-1].end_ms > PAUSE_MS:
            return self.flush()
        return []

    def flush(self) -> list[Match]:
        """What was said is all there is."""
        found = self._search(ended=True)
        self._units, self._free = [], {}
        return found

    def _search(self, *, ended: bool) -> list[Match]:
        found: list[Match] = []
        for key, name in self._wanted.items():
            kind = SLOTS[name]
            start = self._free.get(key, 0)
            while start < len(self._units):
                if not ended and len(self._units) - start <= _SURE:
                    break
                best = _grow(kind, self._units[start : start + kind.most])
                if best is None:
                    start += 1
                    continue
                size, value = best
                if not ended and start + size + _SURE > len(self._units):
                    break
                found.append(self._match(key, name, value, self._units[start : start + size]))
                start += size
            self._free[key] = start
        self._forget()
        return found

    def _forget(self) -> None:
        used = min(self._free.values(), default=len(self._units))
        if used > 64:
            del self._units[:used]
            self._free = {key: start - used for key, start in self._free.items()}

    def _match(self, key: str, name: str, value: str, units: list[Syllable]) -> Match:
        return Match(
            key=key,
            pattern=f"{{{name}}}",
            party=self._party,
            start_ms=units[0].start_ms,
            end_ms=units[-1].end_ms,
            at_ms=units[-1].end_ms,
            first_token=units[0].token,
            last_token=units[-1].token,
            quote="".join(unit.raw for unit in units),
            similarity=1.0,
            cost=0.0,
            budget=0.0,
            slots={name: value},
        )


def _grow(kind: SlotKind, units: list[Syllable]) -> tuple[int, str] | None:
    """The longest value from the first unit on, growing in steps of at most `_SURE`."""
    best: tuple[int, str] | None = None
    for size, value in sorted(kind.ends(units)):
        if best is not None and size - best[0] > _SURE:
            break
        best = (size, value)
    return best
