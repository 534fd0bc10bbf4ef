"""What an utterance is found by: pairs of its characters and pairs of its syllables.

Chinese is written without blanks, so an index of words would need to guess
where they are. Pairs of neighbours need no guess, are as short as search
words usually are, and are rare enough to be looked up fast. A text is indexed
as it is said: traditional characters simplified, numbers read out,
punctuation dropped (`monitor.language.normalise`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from monitor.events import Party, Token
from monitor.language.normalise import normalise
from monitor.language.phrases.costs import FILLER_SOUNDS
from monitor.language.phrases.syllables import split

JOINT = "丨"
"""Stands between the two syllables of a pair; a character, so that both databases take the
pair for one word."""


def character_terms(text: str) -> list[str]:
    """The pairs of neighbouring characters, and the last character by itself.

    Whatever contains a string contains its pairs one after the other; a single
    character begins a term wherever it stands.
    """
    units = [_unit(char) for char in normalise(text).text]
    return [one + other for one, other in pairwise([*units, ""])]


def syllable_terms(sounds: Sequence[str]) -> list[str]:
    """The same of syllables, joined by `JOINT`."""
    return [f"{one}{JOINT}{other}" for one, other in pairwise([*sounds, ""])]


def sounds_of_terms(terms: str) -> list[str]:
    """The syllables that `syllable_terms` (joined by blanks) was made of."""
    return [term.partition(JOINT)[0] for term in terms.split()]


def sounds_of(tokens: Iterable[Mapping[str, Any]]) -> list[str]:
    """The syllables of an utterance's tokens (as in call JSON), hesitations left out.

    A letter or digit stands for itself.
    """
    heard = (
        unit.sound
        for token in tokens
        for unit in split(Token(Party.AGENT, token["text"], token["syllable"], 0, 0), 0)
    )
    return [_sound(sound) for sound in heard if sound not in FILLER_SOUNDS]


def _unit(char: str) -> str:
    """A character as the index takes it: what a tokenizer might not know is spelt out.

    `u` is spelt out too: it begins what was spelt out.
    """
    plain = "\u3400" <= char <= "\u9fff" or (char.isascii() and char.isalnum() and char != "u")
    return char if plain else f"u{ord(char):06x}"


def _sound(sound: str) -> str:
    return sound if sound.isascii() and sound.isalpha() else "".join(map(_unit, sound))
