"""A recogniser's errors, made up as measured: which syllable is heard for which, which is lost.

The counts are those of `benchmarks/confusions.py`, from clips that the matcher's
costs were not fitted to.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from monitor.base import package_files
from monitor.language.pinyin import is_han, syllables
from monitor.language.words import frequencies

Said = tuple[str, str]
"""A character and its toneless syllable."""


@dataclass(frozen=True, slots=True)
class _Draw:
    sounds: tuple[str, ...]
    counts: tuple[int, ...]

    def one(self, chance: random.Random) -> Said:
        sound = chance.choices(self.sounds, self.counts)[0]
        return homophone(sound), sound


@dataclass(frozen=True, slots=True)
class Confusions:
    """Shares of the kinds of errors, and what is heard for each syllable."""

    kinds: tuple[float, float, float]  # a syllable changed, lost, or one added
    heard: Mapping[str, _Draw]
    anything: _Draw
    extra: _Draw


@lru_cache(maxsize=1)
def confusions() -> Confusions:
    """The measured table."""
    data = json.loads(package_files.confusions_file().read_text("utf-8"))
    heard = {sound: _draw(row) for sound, row in data["heard"].items()}
    total: dict[str, int] = {}
    for row in data["heard"].values():
        for sound, count in row.items():
            total[sound] = total.get(sound, 0) + count
    kinds = (data["substituted"], data["missing"], data["inserted"])
    return Confusions(kinds, MappingProxyType(heard), _draw(total), _draw(data["extra"]))


def _draw(counts: Mapping[str, int]) -> _Draw:
    return _Draw(tuple(counts), tuple(counts.values()))


def mishear(said: Iterable[Said], rate: float, chance: random.Random) -> list[Said]:
    """What a recogniser that errs in `rate` of the syllables would write.

    A wrong syllable is written with the commonest character of its sound, as a
    recogniser's spelling would.
    """
    table = confusions()
    out: list[Said] = []
    for char, sound in said:
        if chance.random() >= rate:
            out.append((char, sound))
            continue
        kind = chance.choices(range(3), table.kinds)[0]
        if kind == 0:
            out.append(table.heard.get(sound, table.anything).one(chance))
        elif kind == 2:
            out += [(char, sound), table.extra.one(chance)]
    return out


def homophone(sound: str) -> str:
    """The commonest character of a toneless syllable; the sound itself where there is none."""
    return _characters().get(sound, sound)


@lru_cache(maxsize=1)
def _characters() -> Mapping[str, str]:
    counted = frequencies()
    common = sorted((w for w in counted if len(w) == 1 and is_han(w)), key=lambda w: -counted[w])
    found: dict[str, str] = {}
    for char in common:
        found.setdefault(syllables(char)[0], char)
    return MappingProxyType(found)
