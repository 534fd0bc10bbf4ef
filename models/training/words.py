"""Words and rows of words for the spelling of syllables, from the texts of `bigram.py`.

    python -m models.training.words models/embedded

jieba's dictionary knows words but not what is said on the telephone (帮您,
块钱, 稍等), and its counts of single characters are those of a dictionary
(浜 before 帮). The file `words.txt` holds, per line, a text and a count to be
added to jieba's; rows of two and three words count as words, which makes the
spelling heed the neighbourhood.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from models.training.sources import read_sentences, written_dialogues

LONGEST = 6  # characters; the lexicon keeps no longer words
LEAST = 2  # a pair read aloud once is chance; what the dialogues say was written on purpose
SHARE = 0.3  # of all probability that these texts get beside jieba's counts
DIALOGUES = 0.5  # of that, for the dialogues

_CLAUSE = re.compile(r"[\u4e00-\u9fff]+")
_JIEBA_TOTAL = 60_101_967  # sum of its counts


def units(lines: Iterable[str]) -> Iterator[str]:
    """Words, and rows of two and three words within a clause."""
    import jieba

    jieba.setLogLevel(60)
    for line in lines:
        for clause in _CLAUSE.findall(line):
            words = [word for word in jieba.cut(clause) if len(word) <= LONGEST]
            yield from words
            for size in (2, 3):
                runs = zip(*(words[at:] for at in range(size)), strict=False)
                yield from (run for run in map("".join, runs) if len(run) <= LONGEST)


def counted(lines: Iterable[str], least: int) -> dict[str, float]:
    """Share of each word or row of words that is seen often enough."""
    counts = Counter(units(lines))
    total = sum(n for text, n in counts.items())
    return {text: n / total for text, n in counts.items() if n >= least or len(text) == 1}


def build() -> dict[str, int]:
    """Counts on jieba's scale."""
    mass = _JIEBA_TOTAL * SHARE / (1 - SHARE)
    read, written = counted(read_sentences(), LEAST), counted(written_dialogues(), 1)
    merged = {
        text: round(
            mass * (DIALOGUES * written.get(text, 0.0) + (1 - DIALOGUES) * read.get(text, 0.0))
        )
        for text in sorted(set(chain(read, written)))
    }
    return {text: count for text, count in merged.items() if count}


def run(out: Path) -> dict[str, object]:
    """Write `words.txt` into a model folder, the commonest first."""
    table = sorted(build().items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{text} {count}\n" for text, count in table]
    (out / "words.txt").write_text("".join(lines), encoding="utf-8")
    return {"words": str(out / "words.txt"), "lines": len(lines)}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1])), ensure_ascii=False))
