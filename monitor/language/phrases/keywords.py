"""What a recogniser that can hear phrases in its posteriors is to listen for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.language.phrases.pattern import Slot, is_regex, parse

if TYPE_CHECKING:
    from monitor.language.phrases.matcher import Compiled, Matcher


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
        new = replace(
            _keyword(matcher, compiled),
            tell=phrase.role != "shield" and not _open(phrase.text),
        )
        known = found.get(phrase.text)
        found[phrase.text] = new if known is None else _both(known, new)
    return tuple(found[text] for text in sorted(found))


def claimed(matcher: Matcher, keys: frozenset[str]) -> tuple[Keyword, ...]:
    """Some phrases, by their keys, and what protects from them: what somebody is said to have said.

    Those that cannot be sought below the words are left out, as in `sought`; exact ones
    are not, for what they look at was looked at when they were found.
    """
    found: dict[str, Keyword] = {}
    for compiled in matcher.compiled:
        text = compiled.phrase.text
        if compiled.phrase.key not in keys or is_regex(text) or _open(text):
            continue
        new = _keyword(matcher, compiled)
        known = found.get(text)
        found[text] = new if known is None else _both(known, new)
    guards = {text for keyword in found.values() for text in keyword.protected_by} - found.keys()
    return (*found.values(), *(Keyword(text, tell=False) for text in sorted(guards)))


def _keyword(matcher: Matcher, compiled: Compiled) -> Keyword:
    shields = (matcher.phrases[number] for number in compiled.shields)
    guards = {s.text for s in shields if not is_regex(s.text) and not s.exact}
    return Keyword(
        compiled.phrase.text,
        likeness=compiled.phrase.likeness,
        protected_by=tuple(sorted(guards)),
    )


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
