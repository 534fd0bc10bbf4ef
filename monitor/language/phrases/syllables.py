"""What was heard, one syllable at a time: tokens split into `Syllable`s."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from monitor.events import Token
from monitor.language.normalise import normalise
from monitor.language.pinyin import ANY_TONE, readings
from monitor.language.spoken import character

MIN_ALTERNATIVE = 0.02
MAX_ALTERNATIVES = 4
STOPS = tuple("，。！？；：、,.!?;:")


class Syllable(NamedTuple):
    """One heard syllable (or Latin letter): the matcher's unit of time.

    `text` is its normalised character, `raw` what the recogniser wrote.
    `sound` is the toneless syllable, or the letter itself. `tone` is 1–5, or 0
    when unknown. `token` is the running index of its token within the party.
    `alternatives` are (sound, probability relative to the chosen one).
    """

    text: str
    raw: str
    sound: str
    tone: int
    start_ms: int
    end_ms: int
    token: int
    confidence: float = 1.0
    alternatives: tuple[tuple[str, float], ...] = ()
    stop: bool = False  # the recogniser wrote a punctuation mark behind it


def split(token: Token, index: int) -> tuple[Syllable, ...]:
    """The syllables of a token, its time divided evenly; punctuation gives none.

    A recogniser's word may carry several syllables; its `syllable` is used where
    it names as many (separated by spaces or apostrophes) as the text has characters.
    """
    pieces = _pieces(token.text, token.syllable)
    start, end, confidence = token.start_ms, token.end_ms, token.confidence
    if len(pieces) == 1:
        alternatives = _alternatives(token) if token.alternatives else ()
        stop = token.text[-1:] in STOPS
        return (Syllable(*pieces[0], start, end, index, confidence, alternatives, stop),)
    span, count = end - start, len(pieces)
    others = _ways(token, count) if token.alternatives else [()] * count
    units = [
        Syllable(
            *piece,
            start + span * at // count,
            start + span * (at + 1) // count,
            index,
            confidence,
            others[at],
        )
        for at, piece in enumerate(pieces)
    ]
    # Which of several ways it was said is open, and so is the tone.
    units = [unit._replace(tone=ANY_TONE) if unit.alternatives else unit for unit in units]
    if units and token.text[-1:] in STOPS:
        units[-1] = units[-1]._replace(stop=True)
    return tuple(units)


@lru_cache(maxsize=16384)
def _pieces(written: str, syllable: str) -> tuple[tuple[str, str, str, int], ...]:
    """(normalised character, raw text, sound, tone) of each syllable of a token."""
    normal = normalise(written)
    said = _sounds(syllable)
    if not normal.text:
        # A syllable the recogniser has no character for still sounds.
        return tuple(("", written if at == 0 else "", s, ANY_TONE) for at, s in enumerate(said))
    if len(said) > 1 and len(said) != len(normal.text) and any(map(str.isdecimal, written)):
        # Figures that were said otherwise than they are read without their neighbours: 2026(年).
        return tuple(
            (character(s) or s, written if at == 0 else "", s, ANY_TONE)
            for at, s in enumerate(said)
        )
    pieces: list[tuple[str, str, str, int]] = []
    rows = readings(normal.text)
    for at, (char, row) in enumerate(zip(normal.text, rows, strict=True)):
        if len(said) == len(normal.text):
            sound = said[at]
            tone = next((r.tone for r in row if r.syllable == sound), ANY_TONE)
        else:
            sound, tone = (row[0].syllable, row[0].tone) if row else (char, ANY_TONE)
        # One raw piece may be read out as several characters (10 → 一十): quote it once.
        again = at > 0 and normal.spans[at] == normal.spans[at - 1]
        pieces.append((char, "" if again else normal.quote(at, at + 1), sound, tone))
    return tuple(pieces)


def _sounds(syllable: str) -> list[str]:
    return syllable.lower().replace("'", " ").replace("ü", "v").split()


def _ways(token: Token, count: int) -> list[tuple[tuple[str, float], ...]]:
    """Other ways to say a word of `count` syllables, syllable by syllable: where they differ."""
    first = _sounds(token.syllable)
    found: list[dict[str, float]] = [{} for _ in range(count)]
    for sound, relative in _alternatives(token):
        other = _sounds(sound)
        if len(first) == len(other) == count:
            for at in range(count):
                if other[at] != first[at]:
                    found[at][other[at]] = max(relative, found[at].get(other[at], 0.0))
    return [tuple(ways.items()) for ways in found]


def _alternatives(token: Token) -> tuple[tuple[str, float], ...]:
    """The strongest alternatives, each relative to the chosen syllable's probability."""
    chosen = max(token.confidence, 1e-3)
    kept = sorted(
        (a for a in token.alternatives if a.probability >= MIN_ALTERNATIVE and a.syllable),
        key=lambda a: (-a.probability, a.syllable),
    )[:MAX_ALTERNATIVES]
    return tuple(
        (a.syllable, min(1.0, a.probability / chosen)) for a in kept if a.syllable != token.syllable
    )
