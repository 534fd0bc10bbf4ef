"""General Mandarin: word n-grams of the open-gram project, and text drawn from them.

The statistics (165,000 words, 2.0 million pairs, 0.6 million triples; LGPL-2.1
or later) are those of Debian's source package libime, which is fetched with
apt's own tools the first time:

    python -m models.training.opengram

They have no sentence ends and know words, not syllables. Rows of words are
drawn from them at random and read aloud by pypinyin, which turns a model of
words into counts of syllables of any order.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tarfile
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.training import paths, units

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Chains = NDArray[np.int32]

PACKAGE = "libime_1.0.16.orig.tar.xz"
SHA256 = "3f034ae347b4110ac3dfb88d678a38d2264e6588d61f249b9007a7759751b2f9"
_MEMBER = re.compile(r"/data/lm_sc\.arpa-\d+\.tar\.xz$")
NAME = "lm_sc.arpa"

CHAINS = 300_000  # rows of words drawn at once
LENGTH = 250  # words of each


def fetch() -> Path:
    """The n-grams as an ARPA file in the cache folder, fetched where it is missing.

    Raises:
        SystemExit: apt knows no such package, or what came is not it.
    """
    file = paths.cache() / NAME
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        archive = _download(file.parent)
        with tarfile.open(archive) as outer:
            member = next(m for m in outer.getmembers() if _MEMBER.search(m.name))
            with tarfile.open(fileobj=outer.extractfile(member)) as inner:
                inner.extract(NAME, file.parent, filter="data")
    return file


def _download(folder: Path) -> Path:
    """The source package, from where apt gets the binary one."""
    asked = subprocess.run(
        ["apt-get", "download", "--print-uris", "libime-data"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.match(r"'(https?://[^']+/)[^/']+'", asked.stdout)
    if found is None:
        raise SystemExit(
            f"apt-get does not know the package libime-data ({asked.stderr.strip()}): "
            f"put Debian's {PACKAGE}, unpacked to {NAME}, into {folder}"
        )
    archive = folder / PACKAGE
    urllib.request.urlretrieve(found[1] + PACKAGE, archive)  # http or https by the pattern above
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        archive.unlink()
        raise SystemExit(f"{found[1]}{PACKAGE} is not the package expected (SHA-256 differs)")
    return archive


@dataclass(frozen=True, slots=True, eq=False)
class WordGrams:
    """Word n-grams as they are listed; words are numbers.

    Attributes:
        words: the texts.
        one: probability of each word by itself, shape [words].
        two: pairs in order, shape [pairs, 2]; `p_two`: of the second after the first.
        three: triples in order, shape [triples, 3]; `p_three`: of the third after the others.
    """

    words: tuple[str, ...]
    one: Floats
    two: NDArray[np.int64]
    p_two: Floats
    three: NDArray[np.int64]
    p_three: Floats


def read(file: Path) -> WordGrams:
    """An ARPA file of order three."""
    numbers: dict[str, int] = {}
    grams: dict[int, list[tuple[int, ...]]] = {1: [], 2: [], 3: []}
    chances: dict[int, list[float]] = {1: [], 2: [], 3: []}
    order = 0
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("\\"):
                order = int(line[1]) if line[1].isdecimal() else 0
            elif order and line.strip():
                log10, text, *_ = line.rstrip("\n").split("\t")
                if order == 1:
                    numbers[text] = len(numbers)
                grams[order].append(tuple(numbers[word] for word in text.split(" ")))
                chances[order].append(10 ** float(log10))

    def ordered(order: int) -> tuple[NDArray[np.int64], Floats]:
        rows = np.array(grams[order], np.int64).reshape(-1, order)
        turn = np.lexsort(rows.T[::-1])
        return rows[turn], np.array(chances[order])[turn]

    return WordGrams(tuple(numbers), np.array(chances[1]), *ordered(2), *ordered(3))


def spoken(words: tuple[str, ...]) -> list[list[int]]:
    """Units of each word; empty where it cannot be read aloud."""
    return [(units.from_hanzi(word) or []) if units.readable(word) else [] for word in words]


def draw(grams: WordGrams, usable: NDArray[np.bool_], chains: int, length: int) -> Chains:
    """Rows of words drawn at random, shape [chains, length]; only usable words occur.

    After two words the third is one of those listed after them with the probability listed,
    else one after the last alone, else any: what a backoff model says, but for words listed
    at a higher order, which may be drawn again at the lower one.
    """
    rng = np.random.default_rng(1)
    count = len(grams.words)
    one = np.cumsum(np.where(usable, grams.one, 0.0))
    one /= one[-1]
    pairs = _Listed.of(grams.two[:, 0], grams.two[:, 1], grams.p_two, usable[grams.two].all(1))
    histories = grams.three[:, 0] * count + grams.three[:, 1]
    triples = _Listed.of(histories, grams.three[:, 2], grams.p_three, usable[grams.three].all(1))

    def any_word(size: int) -> NDArray[np.int64]:
        return np.searchsorted(one, rng.random(size), side="right")

    before, last = any_word(chains), any_word(chains)
    rows = np.empty((length, chains), np.int32)
    for row in rows:
        following = triples.draw(before * count + last, rng)
        missing = np.flatnonzero(following < 0)
        following[missing] = pairs.draw(last[missing], rng)
        missing = missing[following[missing] < 0]
        following[missing] = any_word(len(missing))
        row[:] = following
        before, last = last, following
    return rows.T


@dataclass(frozen=True, slots=True, eq=False)
class _Listed:
    """Words listed after histories, for drawing many at once."""

    histories: NDArray[np.int64]  # in order, each once
    bounds: NDArray[np.int64]  # where each history's words begin, and the end
    words: NDArray[np.int64]
    sums: Floats  # of the probabilities before each word, over all histories

    @classmethod
    def of(
        cls,
        histories: NDArray[np.int64],
        words: NDArray[np.int64],
        chances: Floats,
        usable: NDArray[np.bool_],
    ) -> _Listed:
        kinds, first = np.unique(histories[usable], return_index=True)
        bounds = np.append(first, usable.sum())
        sums = np.concatenate([[0.0], np.cumsum(chances[usable])])
        return cls(kinds, bounds, words[usable], sums)

    def draw(self, histories: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """A word after each history, -1 for one that is not listed."""
        at = np.minimum(np.searchsorted(self.histories, histories), len(self.histories) - 1)
        aim = self.sums[self.bounds[at]] + rng.random(len(histories))
        hit = (self.histories[at] == histories) & (aim < self.sums[self.bounds[at + 1]])
        drawn = np.full(len(histories), -1, np.int64)
        drawn[hit] = self.words[np.searchsorted(self.sums, aim[hit], side="right") - 1]
        return drawn


def read_aloud(rows: Chains, sounds: list[list[int]]) -> NDArray[np.int16]:
    """The units of rows of words, one row after the other."""
    lengths = np.array([len(sound) for sound in sounds])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    flat = np.array([unit for sound in sounds for unit in sound], np.int16)
    words = rows.reshape(-1)
    sizes = lengths[words]
    begins = np.cumsum(sizes) - sizes
    return flat[np.arange(sizes.sum()) + np.repeat(starts[words] - begins, sizes)]


def stream(chains: int = CHAINS, length: int = LENGTH) -> NDArray[np.int16]:
    """Units of text drawn at random, as one long row (about two per word)."""
    grams = read(fetch())
    sounds = spoken(grams.words)
    usable = np.array([len(sound) > 0 for sound in sounds])
    return read_aloud(draw(grams, usable, chains, length), sounds)


if __name__ == "__main__":
    print(json.dumps({"n-grams": str(fetch())}))
