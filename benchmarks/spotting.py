"""Phrase spotting on posteriors: recall at fixed rates of false alarms, and on the way of a call.

    python -m benchmarks.spotting --model embedded --model ../shared/models/fsmn-charctc
    python -m benchmarks.spotting --flow   (or --pack, or --examples)

Phrases of 4 and 6 syllables (with --flow also 5, 8 and 10) are drawn from the
sentences of the set, one per sentence, seeded. Every phrase is scored in every
clip. Where its syllables are said it should be found; elsewhere it is a false
alarm, at most one per clip. Clips in which something one syllable away is said
count neither way (Common Voice is full of 是位于美国…的一个… sentences).

Without options, what the posteriors can tell. One JSON line per model, set,
condition, length and rate:

    model, set, condition, syllables, fa_per_hour (per phrase), recall,
    threshold (nats per syllable), phrases, said (times one is said), phrase_hours

--flow: recogniser, spotting and matching as in a call, with the limits that
calls use, each phrase with its share in a pack of --pack-size. One line per
length and `way`: `text` (the words alone), `spotting` (alone), `both`:

    syllables, way, recall, false, fa_per_hour (per phrase), phrases, said, phrase_hours, pack

--pack: what the default packs find in these clips, none of which is a call: phrases that
alert, and those of scripts and situations:

    role, phrases, hours, text_per_hour, spotting_per_hour (found by spotting only), both_per_hour

--examples: the packs' own examples, spoken by espeak-ng. Those that must stay
quiet nearly say what is forbidden:

    examples (alert or quiet), n, text_alerted, spotting_alerted, both_alerted
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks import phrases as ways
from benchmarks.phrases import is_said
from benchmarks.recognition import (
    CONDITIONS,
    Clip,
    Condition,
    decode,
    hanzi,
    sets,
    syllables,
)
from monitor import rules
from monitor.asr import load
from monitor.asr.ctc.decode import Posteriors
from monitor.asr.ctc.keyword_paths import paths_of
from monitor.asr.ctc.keyword_spotter import FLOOR, Spotter, Target
from monitor.asr.ctc.recognizer import CtcRecognizer
from monitor.base.errors import UserError
from monitor.call.facts import DEFAULT_PACKS
from monitor.events import Chunk, Party

RATES = (0.05, 0.5)
LENGTHS = (4, 6)
FLOW_LENGTHS = (4, 5, 6, 8, 10)
MOST_DOUBT = 5.0
"""Nats per syllable beyond which no score is looked at."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A phrase in a clip: its best score, and whether it was said (None: nearly)."""

    score: float
    said: bool | None
    hours: float


class _Keep:
    """A tap that keeps the posteriors of one stretch."""

    def __init__(self) -> None:
        self.parts: list[Posteriors] = []

    def begin(self, start_ms: int, frame_ms: int) -> None: ...

    def hear(self, posteriors: Posteriors) -> None:
        if len(posteriors):
            self.parts.append(posteriors)

    def end(self) -> None: ...


def draw(clips: Sequence[Clip], length: int, count: int) -> list[str]:
    """`count` different phrases of `length` characters, at most one from a sentence."""
    chooser = random.Random(length)
    found: dict[str, None] = {}
    for clip in chooser.sample(list(clips), len(clips)):
        text = hanzi(clip.text)
        if len(text) >= length and len(found) < count:
            at = chooser.randrange(len(text) - length + 1)
            found[text[at : at + length]] = None
    return list(found)


def posteriors(recognizer: CtcRecognizer, clip: Clip, condition: Condition) -> Posteriors:
    keep = _Keep()
    stream = recognizer.stream(Party.AGENT, keep)
    samples = condition(decode(clip.audio), np.random.default_rng(0))
    stream.feed(Chunk(Party.AGENT, 0, samples))
    stream.end_turn()
    return np.concatenate(keep.parts)


def measure(
    recognizer: CtcRecognizer, clips: Sequence[Clip], condition: Condition, count: int
) -> Iterator[dict[str, object]]:
    """One record per length and rate."""
    phrases = {length: draw(clips, length, count) for length in LENGTHS}
    number = {name: index for index, name in enumerate(recognizer.inventory.classes)}
    spotters = {
        length: Spotter(
            [
                Target(text, paths_of(text, number, FLOOR, FLOOR), -MOST_DOUBT * length)
                for text in chosen
            ],
            recognizer.inventory.blank,
        )
        for length, chosen in phrases.items()
    }
    trials: dict[int, list[Trial]] = {length: [] for length in LENGTHS}
    for clip in clips:
        heard = posteriors(recognizer, clip, condition)
        hours = len(heard) * recognizer.model.frame_ms / 3_600_000
        sentence = syllables(clip.text)
        for length, spotter in spotters.items():
            best = spotter.best_scores(heard) / length
            for target, score in zip(spotter.targets, best.tolist(), strict=True):
                said = is_said(syllables(target.text), sentence)
                trials[length].append(Trial(score, said, hours))
    for length, done in trials.items():
        yield from _operate(length, len(phrases[length]), done)


def _operate(length: int, phrases: int, trials: Sequence[Trial]) -> Iterator[dict[str, object]]:
    false = sorted((t.score for t in trials if t.said is False), reverse=True)
    said = np.array([t.score for t in trials if t.said])
    hours = sum(t.hours for t in trials if t.said is False)
    for rate in RATES:
        allowed = min(int(rate * hours), len(false) - 1)
        yield {
            "syllables": length,
            "fa_per_hour": rate,
            "recall": round(float(np.mean(said > false[allowed])), 4),
            "threshold": round(false[allowed], 3),
            "phrases": phrases,
            "said": len(said),
            "phrase_hours": round(hours, 1),
        }


@click.command(help=__doc__)
@click.option("--model", "models", multiple=True, help="Name or folder; several allowed.")
@click.option("--set", "folders", multiple=True, type=click.Path(path_type=Path))
@click.option(
    "--shared", type=click.Path(path_type=Path), default=Path("../shared/data"), show_default=True
)
@click.option("--condition", "names", multiple=True, type=click.Choice(list(CONDITIONS)))
@click.option("--phrases", "count", default=150, show_default=True, help="Of each length.")
@click.option("--flow", is_flag=True, help="As in a call: by the text, by spotting, by both.")
@click.option("--pack", is_flag=True, help="What the default packs find in these clips.")
@click.option("--examples", is_flag=True, help="The default packs' examples, spoken.")
@click.option("--pack-size", default=300, show_default=True, help="Phrases that share with --flow.")
@click.option("--limit", type=int, help="Only the first so many clips of each set.")
def main(
    models: tuple[str, ...],
    folders: tuple[Path, ...],
    shared: Path,
    names: tuple[str, ...],
    count: int,
    flow: bool,
    pack: bool,
    examples: bool,
    pack_size: int,
    limit: int | None,
) -> None:
    book = rules.load(DEFAULT_PACKS)
    for model in models or ("embedded",):
        recognizer = load(model)
        if not isinstance(recognizer, CtcRecognizer):
            raise UserError(f"{model} has no posteriors to spot in")
        for condition in names or ("16k", "telephone"):
            heard = CONDITIONS[condition]
            if examples:
                rows = ways.spoken_examples(recognizer, book, heard)
                _say(recognizer.name, "examples", condition, rows)
            if examples and not (flow or pack):
                continue
            for name, every in sets(shared, folders):
                if name.endswith("-dev"):
                    continue  # its unseen sentences are a set of their own
                clips = every[:limit]
                if flow:
                    drawn = {length: draw(clips, length, count) for length in FLOW_LENGTHS}
                    rows = ways.recall(recognizer, clips, heard, drawn, pack_size)
                elif pack:
                    rows = ways.pack_alarms(recognizer, clips, heard, book)
                else:
                    rows = measure(recognizer, clips, heard, count)
                _say(recognizer.name, name, condition, rows)


def _say(model: str, name: str, condition: str, rows: Iterable[Mapping[str, object]]) -> None:
    for figures in rows:
        head = {"model": model, "set": name, "condition": condition}
        click.echo(json.dumps({**head, **figures}, ensure_ascii=False))


if __name__ == "__main__":
    main()
