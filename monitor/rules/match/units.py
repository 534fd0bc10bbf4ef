"""What was heard, one syllable at a time: tokens split into `Unit`s."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.events import Token
from monitor.text.normalise import normalise
from monitor.text.pinyin import ANY_TONE, is_han, readings

MIN_ALTERNATIVE = 0.02
MAX_ALTERNATIVES = 4


@dataclass(frozen=True, slots=True)
class Unit:
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


def split(token: Token, index: int) -> tuple[Unit, ...]:
    """The syllables of a token, its time divided evenly; punctuation gives none.

    A recogniser's word may carry several syllables; its `syllable` is used where
    it names as many (separated by spaces or apostrophes) as the text has characters.
    """
    normal = normalise(token.text)
    text = normal.text
    said = token.syllable.lower().replace("'", " ").replace("ü", "v").split()
    if not text:
        # A syllable the recogniser has no character for still sounds.
        return tuple(
            Unit("", token.text if i == 0 else "", sound, ANY_TONE, start, end, index,
                 token.confidence, _alternatives(token) if len(said) == 1 else ())
            for i, (sound, (start, end)) in enumerate(
                zip(said, _times(token, len(said)), strict=True)
            )
        )  # fmt: skip
    rows = readings(text)
    times = _times(token, len(text))
    units: list[Unit] = []
    for at, (char, row) in enumerate(zip(text, rows, strict=True)):
        sound = said[at] if len(said) == len(text) else ""
        tone = ANY_TONE
        if not sound:
            sound, tone = (row[0].syllable, row[0].tone) if row else (char, ANY_TONE)
        else:
            tone = next((r.tone for r in row if r.syllable == sound), ANY_TONE)
        # One raw piece may be read out as several characters (10 → 十): quote it once.
        again = at > 0 and normal.spans[at] == normal.spans[at - 1]
        units.append(
            Unit(char, "" if again else normal.quote(at, at + 1), sound, tone, *times[at], index,
                 token.confidence, _alternatives(token) if len(text) == 1 else ())
        )  # fmt: skip
    return tuple(units)


def heard(text: str) -> bool:
    """Whether a text has anything to say (a syllable or a letter)."""
    return any(is_han(char) or char.isalnum() for char in text)


def _times(token: Token, count: int) -> list[tuple[int, int]]:
    span = token.end_ms - token.start_ms
    edges = [token.start_ms + span * i // max(1, count) for i in range(count + 1)]
    return list(zip(edges[:-1], edges[1:], strict=True))


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
