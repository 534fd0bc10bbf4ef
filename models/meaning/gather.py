"""What the encoder is trained and calibrated with.

Building material: `rules/like/*.yaml`, the turns of `models/training/text/turns`
(those of careless agents as "forbidden, whatever the family"), and of the ordinary
calls of `rules/dialogues/ordinary` the half whose id hashes to an even number. The
other half is only reported on (`benchmarks/meaning.py`), and so are
`benchmarks/dialogues`; nothing here reads them.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmarks.meaning import for_reporting
from monitor.events import Party
from monitor.language.meaning.clauses import SHORT_TURN, Cutter, windows
from monitor.language.misheard import mishear
from monitor.language.normalise import normalise
from monitor.language.pinyin import syllables
from monitor.rules.language.dialogue_file import read_dialogues
from monitor.rules.language.like import LikeFamily
from monitor.rules.language.like_file import read_families

LIKE = Path("rules/like")
ORDINARY = Path("rules/dialogues/ordinary")
TURNS = Path("models/training/text/turns")
FOLDS, CALLS, HELD_CALLS = 4, 98, 99
NOISE = 0.15
ORDINARY_CALL, CARELESS = "ordinary", "careless"
_SLOT = re.compile(r"\{[a-z_]+\}")
_MARKS = re.compile(r"[，。？！、；：,.?!;:…—~\s]+")


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence to learn from. `group` is its family, or where it comes from.

    `fold` is -1 for what is always learned from, CALLS for windows of ordinary
    calls, HELD_CALLS for those of the half of them that thresholds are chosen by;
    `misheard` rows are copies.
    """

    text: str
    group: str
    party: Party
    positive: bool
    fold: int
    misheard: bool = False


def for_choosing(identifier: str) -> bool:
    """Whether an ordinary call may be looked at while building; the others are for reporting."""
    return not for_reporting(identifier)


def plain(text: str) -> str:
    """As a recogniser writes it: no punctuation, numbers read out."""
    return normalise(_SLOT.sub("一二三四", text)).text


def clauses(text: str) -> list[str]:
    """A written sentence at its punctuation, each piece as a recogniser writes it."""
    return [p for p in map(plain, _MARKS.split(_SLOT.sub("一二三四", text))) if p]


def families() -> dict[str, LikeFamily]:
    return {family.family: family for family in read_families(LIKE)}


def written_turns() -> Iterator[tuple[str, Party, str]]:
    """(kind, who, sentence) of the training texts."""
    for file in sorted(TURNS.glob("*.txt")):
        kind, who = file.name.split(".")[:2]
        for line in file.read_text("utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                yield kind, Party(who), line.strip()


def ordinary_turns() -> Iterator[tuple[str, Party, str]]:
    """(call, who, words) of the ordinary calls for choosing."""
    for file in sorted(ORDINARY.glob("*.yaml")):
        for dialogue in read_dialogues(file).dialogues:
            if for_choosing(dialogue.id):
                for turn in dialogue.turns:
                    if turn.party is not None:
                        yield dialogue.id, turn.party, turn.text


def rows(cutter: Cutter) -> list[Row]:
    """Everything to learn from."""
    found: dict[tuple[str, str, bool], Row] = {}

    def add(row: Row) -> None:
        if len(row.text) > 1:
            found.setdefault((row.text, row.group, row.positive), row)

    for name, family in families().items():
        party = family.party or Party.AGENT
        for positive, texts in ((True, family.examples), (False, family.not_)):
            for text in map(plain, texts):
                fold = zlib.crc32(text.encode()) % FOLDS
                add(Row(text, name, party, positive, fold))
                add(Row(misheard(text), name, party, positive, fold, misheard=True))
    for kind, party, text in written_turns():
        careless = kind == "careless"
        if careless:
            add(Row(plain(text), CARELESS, party, True, -1))
        else:
            for piece in (plain(text), *clauses(text)):
                add(Row(piece, ORDINARY_CALL, party, False, -1))
    for call, party, text in ordinary_turns():
        fold = HELD_CALLS if zlib.crc32(call.encode()) % 4 else CALLS
        whole = plain(text)
        # Customers' families are hardly taught by ordinary calls: whole turns are enough.
        for piece in stretches(cutter, whole) if party is Party.AGENT else [whole]:
            add(Row(piece, ORDINARY_CALL, party, False, fold))
    return list(found.values())


@lru_cache(maxsize=1)
def short_turns() -> frozenset[str]:
    """Agents' turns of the ordinary calls that are short enough to be judged whole."""
    turns = (plain(text) for _, party, text in ordinary_turns() if party is Party.AGENT)
    return frozenset(text for text in turns if len(text) <= SHORT_TURN)


def stretches(cutter: Cutter, text: str) -> list[str]:
    """What is judged of a turn."""
    return [text[start:stop] for start, stop in windows(cutter.cut(text))]


def misheard(text: str) -> str:
    """A copy with simulated recognition errors, the same in every run."""
    chance = random.Random(zlib.crc32(text.encode()))
    return "".join(c for c, _ in mishear(zip(text, syllables(text), strict=True), NOISE, chance))


def punctuated() -> Sequence[str]:
    """Sentences with punctuation, for learning where clauses end."""
    found = [text for family in families().values() for text in (*family.examples, *family.not_)]
    found += [text for _, _, text in ordinary_turns()]
    return [*found, *(text for _, _, text in written_turns())]
