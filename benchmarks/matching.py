"""Phrase matching: cost per syllable beside its peers, recall under errors, false alarms.

    python -m benchmarks.matching [--only cost|recall|alarms] [--quick]

Cost. Phrases and running text are drawn word by word from jieba's dictionary
by frequency; one syllable is one token. Each row runs in a process of its own
on one core: JSON lines `name, phrases, mean_us, p50_us, p99_us, load_s, rss_mb`.
Times are CPU time of the thread, so that other work on the machine does not
count; `load_s` excludes reading the dictionaries (`start_s`, once a process);
`rss_mb` is the growth of the process by matcher and stream. The peers:

- `rapidfuzz-partial`: partial_ratio of each phrase over the last 24 characters;
- `aho-corasick`: exact, pyahocorasick;
- `myers-numpy`: bit-parallel edit distance over syllables, all phrases in one vector;
- `hyperscan`: edit distance 1 or 2 by length, streamed; it counts bytes, three to a character.

Recall. Phrases of the shipped packs and, for lengths with fewer than 60 of
them, drawn ones, said in running text with errors drawn from the held-out
confusions of a real recogniser (`benchmarks/confusions.json`): JSON lines
`syllables, error_rate, recall` and `exact` (share found letter for letter).

False alarms. The whole 10010 pack listens to unrelated sentences (Common Voice,
when the shared material is there, else drawn text) as they are and with 20 %
errors; `fa_per_hour` counts alerts per hour of talk at 4.5 syllables a second.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import click
import numpy as np

from monitor.events import Party, Token
from monitor.language.phrases import Matcher, MatchStream, Phrase, parse
from monitor.language.pinyin import syllables
from monitor.language.words import frequencies

SYLLABLES_PER_S = 4.5
SYLLABLE_MS = round(1000 / SYLLABLES_PER_S)
SIZES = (100, 1_000, 10_000)
WINDOW = 24
SEED = 20
PATIENCE_S = 180

PhraseText: TypeAlias = tuple[str, str]
"""(character, toneless syllable)"""
Feed: TypeAlias = Callable[[Token], int]
"""Takes the next syllable; returns the number of hits."""


# -- texts -----------------------------------------------------------------------


@lru_cache(maxsize=1)
def vocabulary() -> tuple[list[str], np.ndarray]:
    """Words of one to four characters and their share of running text."""
    table = {
        word: n
        for word, n in frequencies().items()
        if n > 50 and len(word) <= 4 and re.fullmatch("[\u4e00-\u9fff]+", word)
    }
    counts = np.array(list(table.values()), float)
    return list(table), counts / counts.sum()


def running_text(random: np.random.Generator, length: int) -> str:
    """Words drawn by frequency, at least `length` characters."""
    words, share = vocabulary()
    text = ""
    while len(text) < length:
        text += "".join(
            words[i] for i in random.choice(len(words), size=max(1, length // 2), p=share)
        )
    return text[:length]


def drawn_phrases(random: np.random.Generator, count: int) -> list[str]:
    """Distinct phrases of 4 to 14 syllables, 8 on average."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[running_text(random, int(random.choice([4, 5, 6, 7, 8, 9, 10, 12, 14])))] = None
    return list(found)


def say(text: str) -> list[PhraseText]:
    return list(zip(text, syllables(text), strict=True))


def token(at: int, said: PhraseText) -> Token:
    start = at * SYLLABLE_MS
    return Token(Party.AGENT, said[0], said[1], start, start + SYLLABLE_MS - 20)


# -- errors ----------------------------------------------------------------------


class Errors:
    """A recogniser that errs at a given rate in the ways a real one was seen to."""

    def __init__(self, rate: float, random: np.random.Generator) -> None:
        data = json.loads((Path(__file__).parent / "confusions.json").read_text("utf-8"))
        self.rate, self.random = rate, random
        self.kinds = [data["substituted"], data["missing"], data["inserted"]]
        self.heard = {s: _shares(row) for s, row in data["heard"].items()}
        self.extra = _shares(data["extra"])
        total: dict[str, int] = {}
        for row in data["heard"].values():
            for sound, n in row.items():
                total[sound] = total.get(sound, 0) + n
        self.anything = _shares(total)

    def hear(self, said: Iterable[PhraseText]) -> list[PhraseText]:
        """What is recognised; a wrong syllable is written with a character of its sound."""
        out: list[PhraseText] = []
        for char, sound in said:
            if self.random.random() >= self.rate:
                out.append((char, sound))
                continue
            kind = self.random.choice(3, p=self.kinds)
            if kind == 0:
                out.append(self._draw(self.heard.get(sound, self.anything)))
            elif kind == 2:
                out += [(char, sound), self._draw(self.extra)]
        return out

    def _draw(self, table: tuple[list[str], np.ndarray]) -> PhraseText:
        sound = table[0][self.random.choice(len(table[0]), p=table[1])]
        return homophone(sound), sound


def _shares(counts: dict[str, int]) -> tuple[list[str], np.ndarray]:
    values = np.array(list(counts.values()), float)
    return list(counts), values / values.sum()


def homophone(sound: str) -> str:
    """The commonest character of a sound; empty where there is none."""
    return _characters().get(sound, "")


@lru_cache(maxsize=1)
def _characters() -> dict[str, str]:
    found: dict[str, str] = {}
    for char in sorted((w for w in frequencies() if len(w) == 1), key=lambda w: -frequencies()[w]):
        found.setdefault(syllables(char)[0], char)
    return found


# -- contestants -----------------------------------------------------------------


def ours(phrases: Sequence[str]) -> Feed:
    matcher = Matcher([Phrase(str(n), text) for n, text in enumerate(phrases)])
    stream = MatchStream(matcher, Party.AGENT)
    return lambda heard: len(stream.feed(heard))


def rapidfuzz_partial(phrases: Sequence[str]) -> Feed:
    from rapidfuzz import fuzz, process

    window = ""

    def feed(heard: Token) -> int:
        nonlocal window
        window = (window + heard.text)[-WINDOW:]
        return len(
            process.extract(window, phrases, scorer=fuzz.partial_ratio, score_cutoff=75, limit=None)
        )

    return feed


def aho_corasick(phrases: Sequence[str]) -> Feed:
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for number, phrase in enumerate(phrases):
        automaton.add_word(phrase, number)
    automaton.make_automaton()
    search = automaton.iter("")

    def feed(heard: Token) -> int:
        search.set(heard.text)  # goes on in the state it is in
        return sum(1 for _ in search)

    return feed


def myers_numpy(phrases: Sequence[str]) -> Feed:
    """Myers' bit vectors (JACM 1999), one 64-bit lane per phrase, over syllables."""
    sounds = [syllables(phrase) for phrase in phrases]
    lengths = np.array([len(s) for s in sounds])
    rows: dict[str, np.ndarray] = {}
    for lane, row in enumerate(sounds):
        for bit, sound in enumerate(row):
            rows.setdefault(sound, np.zeros(len(phrases), np.uint64))[lane] |= np.uint64(1 << bit)
    nothing = np.zeros(len(phrases), np.uint64)
    top = (lengths - 1).astype(np.uint64)
    one = np.uint64(1)
    plus = np.full(len(phrases), 2**64 - 1, np.uint64)
    minus = nothing.copy()
    score = lengths.copy()
    budget = np.where(lengths < 6, 1, 2)

    def feed(heard: Token) -> int:
        nonlocal plus, minus, score
        equal = rows.get(heard.syllable, nothing)
        vertical = equal | minus
        horizontal = (((equal & plus) + plus) ^ plus) | equal
        up = minus | ~(horizontal | plus)
        down = plus & horizontal
        score = (
            score + ((up >> top) & one).astype(np.int64) - ((down >> top) & one).astype(np.int64)
        )
        up, down = up << one, down << one
        plus = down | ~(vertical | up)
        minus = up & vertical
        return int((score <= budget).sum())

    return feed


class HyperscanFuzzy:
    """A streaming scan; the database and the stream live as long as this."""

    def __init__(self, phrases: Sequence[str]) -> None:
        import hyperscan

        self.database = hyperscan.Database(mode=hyperscan.HS_MODE_STREAM)
        self.database.compile(
            expressions=[phrase.encode() for phrase in phrases],
            ids=list(range(len(phrases))),
            elements=len(phrases),
            flags=[0] * len(phrases),
            ext=[
                hyperscan.ExpressionExt(
                    flags=hyperscan.HS_EXT_FLAG_EDIT_DISTANCE, edit_distance=1 if len(p) < 6 else 2
                )
                for p in phrases
            ],
        )
        self.hits = 0
        self.context = self.database.stream(match_event_handler=self.on_match)
        self.stream = self.context.__enter__()

    def on_match(self, *_: object) -> None:
        self.hits += 1

    def __call__(self, heard: Token) -> int:
        self.hits = 0
        self.stream.scan(heard.text.encode())
        return self.hits


CONTESTANTS: dict[str, Callable[[Sequence[str]], Feed]] = {
    "monitor": ours,
    "rapidfuzz-partial": rapidfuzz_partial,
    "aho-corasick": aho_corasick,
    "myers-numpy": myers_numpy,
    "hyperscan": HyperscanFuzzy,
}


def cost(name: str, count: int, length: int) -> dict[str, object]:
    """Feed `length` syllables, after as many to warm up; times in µs of CPU."""
    began = time.thread_time()
    syllables("您好")
    frequencies()
    start_s = time.thread_time() - began
    random = np.random.default_rng(SEED)
    phrases = drawn_phrases(random, count)
    text = [token(at, said) for at, said in enumerate(say(running_text(random, 2 * length)))]
    before = _rss_mb()
    began = time.thread_time()
    feed = CONTESTANTS[name](phrases)
    load_s = time.thread_time() - began
    for heard in text[:length]:
        feed(heard)
    spent = np.empty(length)
    for at, heard in enumerate(text[length:]):
        began_ns = time.thread_time_ns()
        feed(heard)
        spent[at] = time.thread_time_ns() - began_ns
    spent /= 1000
    return {
        "name": name,
        "phrases": count,
        "mean_us": round(float(spent.mean()), 2),
        "p50_us": round(float(np.median(spent)), 2),
        "p99_us": round(float(np.percentile(spent, 99)), 2),
        "load_s": round(load_s, 3),
        "rss_mb": round(_rss_mb() - before, 1),
        "start_s": round(start_s, 3),
    }


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# -- quality ---------------------------------------------------------------------


def recall(random: np.random.Generator, size: int, rate: float, trials: int) -> dict[str, object]:
    """How many of `trials` phrases said with errors are found."""
    phrases = pack_phrases(size)
    while len(phrases) < 60:
        phrases.append(running_text(random, size))
    matcher = Matcher([Phrase(str(n), text) for n, text in enumerate(phrases)])
    errors = Errors(rate, random)
    found = exact = 0
    for trial in range(trials):
        key = trial % len(phrases)
        heard = errors.hear(say(phrases[key]))
        exact += "".join(char for char, _ in heard) == phrases[key]
        around = [errors.hear(say(running_text(random, 12))) for _ in range(2)]
        stream = MatchStream(matcher, Party.AGENT)
        hits = [
            hit
            for at, said in enumerate([*around[0], *heard, *around[1]])
            for hit in stream.feed(token(at, said))
        ]
        hits += stream.end_utterance(10**6)
        found += any(hit.key == str(key) for hit in hits)
    return {
        "syllables": size,
        "error_rate": rate,
        "recall": round(found / trials, 4),
        "exact": round(exact / trials, 4),
        "trials": trials,
        "phrases": len(phrases),
    }


@lru_cache(maxsize=1)
def _pack_variants() -> dict[str, None]:
    from monitor.base.package_files import rules_dir
    from monitor.rules import load

    rulebook = load(sorted(rules_dir().glob("*.yaml")))
    texts: dict[str, None] = {}
    for phrase in rulebook.matchers[Party.AGENT].phrases:
        if phrase.role != "shield" and not phrase.text.startswith("/"):
            for variant in parse(phrase.text):
                if all(isinstance(piece, str) for piece in variant):
                    # A syllable with a choice (了|过): the first of them is said.
                    texts["".join(str(piece)[0] for piece in variant)] = None
    return texts


def pack_phrases(size: int) -> list[str]:
    """Ways to say the shipped packs' phrases that take `size` syllables, one per phrase start."""
    firsts: dict[str, str] = {}
    for text in _pack_variants():
        if len(text) == size:
            firsts.setdefault(text[: size // 2], text)
    return list(firsts.values())


def false_alarms(sentences: Sequence[str], source: str, rate: float) -> dict[str, object]:
    """Alerts of the whole 10010 pack on talk that has nothing to do with it."""
    from monitor.rules import load

    matcher = load(["unicom-10010"]).matchers[Party.AGENT]
    alerting = {phrase.key for phrase in matcher.phrases if phrase.role == "alert"}
    errors = Errors(rate, np.random.default_rng(SEED))
    stream = MatchStream(matcher, Party.AGENT)
    at, hits = 0, []
    for sentence in sentences:
        for said in errors.hear(say(sentence)):
            hits += stream.feed(token(at, said))
            at += 1
        at += 4
        hits += stream.end_utterance(at * SYLLABLE_MS)
    wrong = [hit for hit in hits if hit.key in alerting]
    hours = sum(map(len, sentences)) / SYLLABLES_PER_S / 3600
    return {
        "pack": "unicom-10010",
        "source": source,
        "error_rate": rate,
        "hours": round(hours, 2),
        "false_alarms": len(wrong),
        "fa_per_hour": round(len(wrong) / hours, 3),
        "heard": [f"{hit.quote} ({hit.pattern})" for hit in wrong[:5]],
    }


def unrelated(shared: Path, random: np.random.Generator) -> tuple[str, list[str]]:
    """Sentences to listen to and where they come from."""
    table = shared / "data" / "commonvoice-zh-CN" / "clips.tsv"
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as file:
            texts = {row["text"] for row in csv.DictReader(file, delimiter="\t")}
        return "commonvoice", ["".join(re.findall("[\u4e00-\u9fff]", t)) for t in sorted(texts)]
    return "drawn", [running_text(random, 15) for _ in range(4000)]


@click.command(help=__doc__)
@click.option("--only", type=click.Choice(["cost", "recall", "alarms"]))
@click.option("--quick", is_flag=True, help="Fewer sizes and trials.")
@click.option("--row", nargs=2, hidden=True, help="One contestant and size, in this process.")
def command(only: str | None, quick: bool, row: tuple[str, str] | None) -> None:
    if row:
        name, count = row[0], int(row[1])
        slow = name == "rapidfuzz-partial"
        length = 20 + 20_000 // count if slow else 4000
        click.echo(json.dumps(cost(name, count, length)))
        return
    if only in (None, "cost"):
        for size in SIZES[: 2 if quick else None]:
            for name in CONTESTANTS:
                run_row(name, size)
    random = np.random.default_rng(SEED)
    if only in (None, "recall"):
        for size in (4, 6, 8, 12):
            for rate in (0.05, 0.10, 0.20, 0.30):
                click.echo(json.dumps(recall(random, size, rate, 200 if quick else 1000)))
    if only in (None, "alarms"):
        shared = Path(os.environ.get("MONITOR_SHARED", "../shared"))
        source, sentences = unrelated(shared, random)
        for rate in (0.0, 0.2):
            click.echo(json.dumps(false_alarms(sentences, source, rate), ensure_ascii=False))


def run_row(name: str, size: int) -> None:
    """One row of the cost table in a process of its own; a peer that is missing is skipped."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-m", "benchmarks.matching", "--row", name, str(size)]
    try:
        run = subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        skipped = f"not done after {PATIENCE_S} s"
    except subprocess.CalledProcessError as error:
        skipped = error.stderr.strip().splitlines()[-1] if error.stderr else str(error)
    else:
        click.echo(run.stdout.strip())
        return
    click.echo(json.dumps({"name": name, "phrases": size, "skipped": skipped}))


if __name__ == "__main__":
    command()
