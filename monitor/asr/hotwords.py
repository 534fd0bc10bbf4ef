"""Words that a recogniser may lean towards, chosen so that they cannot invent a hit.

A recogniser that is biased towards a phrase sooner or later hears it where it
was not said; for a forbidden phrase that is a false accusation, for a required
one a script that was never read. So only single words are given out: rarer
words of the required scripts (names of products and services, as a rule), none
of which occurs in anything that raises an alert, and none of which is all that
some rule waits for.
"""

from __future__ import annotations

from collections.abc import Iterable

_RARE_BITS = 13.0
"""Words that make up less than one in 8,000 of running text need help; commoner ones do not."""

_LENGTHS = (2, 3)
"""Characters of a word. Single ones are too easily heard; longer ones are phrases already."""


def choose(scripts: Iterable[str], others: Iterable[str], limit: int = 24) -> tuple[str, ...]:
    """The words worth leaning towards, the rarest first.

    Args:
        scripts: plain texts of phrases that must be said.
        others: plain texts of every other phrase of the rules.
        limit: at most so many; a long list confuses more than it helps.
    """
    from monitor.language.words import is_word, split, surprise

    required = set(scripts)
    elsewhere = "\n".join(set(others) - required)
    found = {
        word
        for text in required
        for word in split(text)
        if len(word) in _LENGTHS and is_word(word) and surprise(word) >= _RARE_BITS
    }
    safe = (word for word in found if word not in required and word not in elsewhere)
    return tuple(sorted(safe, key=lambda word: (-surprise(word), word))[:limit])
