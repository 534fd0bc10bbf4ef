"""Measure which syllables a recogniser takes for which, and what that means for the matcher.

    python -m benchmarks.confusions collect --model ../shared/models/fsmn-charctc pairs.jsonl
    python -m benchmarks.confusions derive pairs.jsonl

`collect` recognises clips of a set (each as it is and over a simulated
telephone line) and writes what was said and heard, in toneless syllables.
`derive` aligns them and writes two files of facts:

- `monitor/language/phrases/confusions.json`, the matcher's substitution costs, from
  two thirds of the clips;
- `benchmarks/confusions.json`, counts of what was heard for each syllable, from
  the other third; `benchmarks/matching.py` draws its simulated errors from it,
  so recall is not measured on the errors that the costs were fitted to.

Costs are log-likelihood ratios on a scale where 0 is the right syllable and 1
an unrelated one. For a syllable r said and h heard, with lift(x, y) = how many
times more often y is heard for x in an error than y is heard at all,

    llr(h | r) = ln P(error) + ln lift(initial) + ln lift(final)     (h differs from r)
    llr(r | r) = mean of ln (P(r heard | r said) / P(r heard))
    cost       = (llr(r | r) - llr(h | r)) / (llr(r | r) - llr(unrelated))

where "unrelated" shares neither initial nor final with r. Initial and final
are taken as independent given an error. Counts are symmetric and smoothed
towards the lift of pairs that share nothing. Parts that many speakers do not
tell apart (`SPOKEN`) are never dearer than set there.
"""

from __future__ import annotations

import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import click
import numpy as np

from monitor.language.pinyin import split_syllable

TABLE = Path("monitor/language/phrases/confusions.json")
COUNTS = Path("benchmarks/confusions.json")
GAP = 0.8  # of a missing or extra syllable while aligning
SMOOTHING = 15.0
WORTH_WRITING = 0.04  # a part closer than this to "unrelated" is not written

SPOKEN = {
    **dict.fromkeys(("z zh", "c ch", "s sh", "l n", "f h", "l r"), 0.2),
    **dict.fromkeys(("an ang", "en eng", "in ing", "ian iang", "uan uang"), 0.2),
}
"""What speakers of many regions do not tell apart, whatever the recogniser: not measured, set."""

Pair = tuple[str | None, str | None]
"""(said, heard); None where there is nothing on that side."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One clip under one condition, in toneless syllables."""

    clip: str
    condition: str
    said: tuple[str, ...]
    heard: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        """Whether this clip is for simulating errors, not for deriving costs."""
        return zlib.crc32(self.clip.encode()) % 3 == 0


@click.group(help=__doc__)
def command() -> None:
    pass


@command.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--model", required=True, type=click.Path(path_type=Path))
@click.option("--set", "folder", type=click.Path(path_type=Path),
              default=Path("../shared/data/commonvoice-zh-CN"))  # fmt: skip
@click.option("--split", default="train")
@click.option("--clips", default=1200, show_default=True)
def collect(out: Path, model: Path, folder: Path, split: str, clips: int) -> None:
    """Recognise clips and write one JSON line per clip and condition."""
    from benchmarks.recognition import clean, decode, read_clips, recognise, syllables, telephone
    from monitor.asr import load

    recogniser = load(model)
    random = np.random.default_rng(0)
    chosen = read_clips(folder, split)
    random.shuffle(chosen)  # type: ignore[arg-type]  # a list of values is shuffled in place
    with out.open("w", encoding="utf-8") as file:
        for clip in chosen[:clips]:
            samples = decode(clip.audio)
            for name, condition in (("16k", clean), ("telephone", telephone)):
                tokens = recognise(recogniser, condition(samples, random))
                row = {
                    "clip": clip.audio.name,
                    "condition": name,
                    "said": syllables(clip.text),
                    "heard": [token.syllable for token in tokens if token.syllable],
                }
                file.write(json.dumps(row) + "\n")


@command.command()
@click.argument("pairs", type=click.Path(path_type=Path, exists=True))
def derive(pairs: Path) -> None:
    """Write the two files of facts from what `collect` wrote."""
    samples = []
    for line in pairs.read_text("utf-8").splitlines():
        row = json.loads(line)
        samples.append(
            Sample(row["clip"], row["condition"], tuple(row["said"]), tuple(row["heard"]))
        )
    fitted = [s for s in samples if not s.held_out]
    held = [s for s in samples if s.held_out]
    table = costs([pair for s in fitted for pair in align(s.said, s.heard)])
    TABLE.write_text(dumps(table), "utf-8")
    COUNTS.write_text(dumps(counts([p for s in held for p in align(s.said, s.heard)])), "utf-8")
    click.echo(f"{len(fitted)} recordings → {TABLE}, {len(held)} → {COUNTS}")


def align(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """The cheapest alignment of two syllable sequences, by the parts they share."""
    table = np.zeros((len(said) + 1, len(heard) + 1))
    table[:, 0] = GAP * np.arange(len(said) + 1)
    table[0] = GAP * np.arange(len(heard) + 1)
    for i, s in enumerate(said):
        for j, h in enumerate(heard):
            table[i + 1, j + 1] = min(
                table[i, j] + unlike(h, s), table[i, j + 1] + GAP, table[i + 1, j] + GAP
            )
    pairs: list[Pair] = []
    i, j = len(said), len(heard)
    while i or j:
        if (
            i
            and j
            and math.isclose(table[i, j], table[i - 1, j - 1] + unlike(heard[j - 1], said[i - 1]))
        ):
            i, j = i - 1, j - 1
            pairs.append((said[i], heard[j]))
        elif i and math.isclose(table[i, j], table[i - 1, j] + GAP):
            i -= 1
            pairs.append((said[i], None))
        else:
            j -= 1
            pairs.append((None, heard[j]))
    return pairs[::-1]


@lru_cache(maxsize=1 << 16)
def unlike(one: str, other: str) -> float:
    """A plain distance that owes nothing to the table being derived."""
    if one == other:
        return 0.0
    shared = sum(a == b for a, b in zip(split_syllable(one), split_syllable(other), strict=True))
    return 1.0 - 0.35 * shared


def costs(pairs: Iterable[Pair]) -> dict[str, object]:
    """The matcher's table from aligned pairs; see the module's formula."""
    both = [(s, h) for s, h in pairs if s and h]
    errors = [(s, h) for s, h in both if s != h]
    share = Counter(h for _, h in both)
    right = len(both) - len(errors)
    p_error = len(errors) / len(both)
    p_right = right / len(both)
    correct = sum(math.log(p_right * len(both) / share[s]) for s, h in both if s == h) / right
    initials, finals = (_lifts(both, errors, part) for part in (0, 1))
    # Unrelated: nothing shared on either side.
    unrelated = math.log(p_error) + initials.apart + finals.apart
    span = correct - unrelated
    base = (correct - math.log(p_error) - initials.same - finals.same) / span
    return {
        "source": "benchmarks/confusions.py",
        "syllables_compared": len(both),
        "error_rate": round(p_error, 3),
        "base": round(base, 3),
        "initial_apart": round((initials.same - initials.apart) / span, 3),
        "final_apart": round((finals.same - finals.apart) / span, 3),
        "initials": initials.table(span),
        "finals": finals.table(span),
        "spoken": SPOKEN,
    }


@dataclass(frozen=True, slots=True)
class _Lifts:
    """ln lift of a part heard for the same part, for an unrelated one, and for each pair."""

    same: float
    apart: float
    pairs: Mapping[tuple[str, str], float]

    def table(self, span: float) -> dict[str, float]:
        """Cost of each pair, relative to the same part; only those nearer than `apart`."""
        rows = {
            f"{a or '-'} {b or '-'}": round((self.same - lift) / span, 3)
            for (a, b), lift in self.pairs.items()
            if (lift - self.apart) / span > WORTH_WRITING
        }
        return dict(sorted(rows.items(), key=lambda row: (row[1], row[0])))


def _lifts(both: Sequence[tuple[str, str]], errors: Sequence[tuple[str, str]], part: int) -> _Lifts:
    background = Counter(split_syllable(h)[part] for _, h in both)
    total = sum(background.values())
    seen = [(split_syllable(s)[part], split_syllable(h)[part]) for s, h in errors]
    said = Counter(a for a, _ in seen)
    joint = Counter(seen)
    expected_same = sum(n * background[a] / total for a, n in said.items())
    n_same = sum(n for (a, b), n in joint.items() if a == b)
    same = math.log(n_same / expected_same)
    apart = math.log((len(seen) - n_same) / (len(seen) - expected_same))
    pairs: dict[tuple[str, str], float] = {}
    parts = sorted(background)
    for at, a in enumerate(parts):
        for b in parts[at + 1 :]:
            found = joint[a, b] + joint[b, a]
            chance = (said[a] * background[b] + said[b] * background[a]) / total
            prior = SMOOTHING * math.exp(apart)
            lift = math.log((found + prior) / (chance + SMOOTHING))
            pairs[a, b] = lift
    # The mean over unrelated pairs excludes those that stand out.
    return _Lifts(same, min(apart, float(np.median(list(pairs.values())))), pairs)


def counts(pairs: Iterable[Pair]) -> dict[str, object]:
    """What is needed to simulate errors: shares of their kinds, and what is heard for what."""
    pairs = list(pairs)
    wrong = [(s, h) for s, h in pairs if s and h and s != h]
    missing = sum(h is None for _, h in pairs)
    extra = [h for s, h in pairs if s is None and h]
    total = len(wrong) + missing + len(extra)
    heard: dict[str, dict[str, int]] = {}
    for (s, h), n in sorted(Counter(wrong).items()):
        heard.setdefault(s, {})[h] = n
    return {
        "source": "benchmarks/confusions.py",
        "substituted": round(len(wrong) / total, 4),
        "missing": round(missing / total, 4),
        "inserted": round(len(extra) / total, 4),
        "extra": dict(sorted(Counter(extra).items())),
        "heard": heard,
    }


def dumps(data: Mapping[str, object]) -> str:
    """JSON with one top-level entry per line, and one syllable per line below `heard`."""
    lines = []
    for key, value in data.items():
        if key == "heard" and isinstance(value, Mapping):
            rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items())
            lines.append(f'"{key}": {{\n{rows}\n }}')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    return "{\n " + ",\n ".join(lines) + "\n}\n"


if __name__ == "__main__":
    command()
