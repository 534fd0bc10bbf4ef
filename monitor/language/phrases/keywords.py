"""What a recogniser that can hear phrases in its posteriors is to listen for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.language.phrases.pattern import Slot, is_regex, parse

if TYPE_CHECKING:
    from monitor.language.phrases.matcher import Matcher


@dataclass(frozen=True, slots=True)
class Keyword:
    """A pattern to be spotted.

    `tell` is False where it only protects others. `likeness` (0–1) is the least
    that its author asked for. `protected_by` are the patterns that take its
    place where they were said.
    """

    text: str
    tell: bool = True
    likeness: float | None = None
    protected_by: tuple[str, ...] = ()


def sought(matcher: Matcher) -> tuple[Keyword, ...]:
    """The phrases of a matcher, each pattern once.

    Regular expressions look at characters and exact phrases at every syllable
    and what stands beside them, a slot at either end is known by its words
    alone: all these are left to the text.
    """
    found: dict[str, Keyword] = {}
    for compiled in matcher.compiled:
        phrase = compiled.phrase
        if is_regex(phrase.text) or phrase.exact:
            continue
        shields = (matcher.phrases[number] for number in compiled.shields)
        new = Keyword(
            phrase.text,
            phrase.role != "shield" and not _open(phrase.text),
            phrase.likeness,
            tuple(sorted({s.text for s in shields if not is_regex(s.text) and not s.exact})),
        )
        known = found.get(phrase.text)
        found[phrase.text] = new if known is None else _both(known, new)
    return tuple(found[text] for text in sorted(found))


def _open(text: str) -> bool:
    """Whether every wording begins or ends with a slot."""
    return all(isinstance(v[0], Slot) or isinstance(v[-1], Slot) for v in parse(text))


def _both(one: Keyword, other: Keyword) -> Keyword:
    """One pattern of two phrases: the more careful of both that are told."""
    if one.tell != other.tell:
        return one if one.tell else other
    asked = [w.likeness for w in (one, other) if w.likeness is not None]
    shields = tuple(sorted({*one.protected_by, *other.protected_by}))
    return replace(one, likeness=max(asked, default=None), protected_by=shields)
