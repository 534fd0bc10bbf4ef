"""Phrase spotting on posteriors: recall at fixed rates of false alarms.

    python -m benchmarks.spotting --model embedded --model ../shared/models/fsmn-charctc

Phrases of 4 and 6 syllables are drawn from the sentences of the set, one per
sentence, seeded. Every phrase is scored in every clip. Where its syllables are
said it should be found; elsewhere it is a false alarm, at most one per clip.
Clips in which something one syllable away is said count neither way (Common
Voice is full of 是位于美国…的一个… sentences). One JSON line per model, set,
condition, length and rate, with at least

    model, set, condition, syllables, fa_per_hour (per phrase), recall,
    threshold (nats per syllable), phrases, said (times one is said), phrase_hours
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.recognition import (
    CONDITIONS,
    Clip,
    Condition,
    decode,
    hanzi,
    sets,
    syllables,
)
from monitor.asr import load
from monitor.asr.ctc import CtcRecognizer
from monitor.asr.decode import Posteriors
from monitor.asr.spotting import Spotter
from monitor.errors import UserError
from monitor.events import Chunk, Party
from monitor.rules.match import Phrase

RATES = (0.05, 0.5)
LENGTHS = (4, 6)


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


def is_said(phrase: Sequence[str], sentence: Sequence[str]) -> bool | None:
    """Whether the syllables of a phrase are said in a sentence; None: but for one."""
    from rapidfuzz.distance import Levenshtein

    size = len(phrase)
    near = False
    for length in (size, size - 1, size + 1):
        for at in range(len(sentence) - length + 1):
            distance = Levenshtein.distance(phrase, sentence[at : at + length], score_cutoff=1)
            if distance == 0:
                return True
            near = near or distance == 1
    return None if near else False


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
    spotters = {
        length: Spotter([Phrase(p, p) for p in chosen], recognizer.inventory)
        for length, chosen in phrases.items()
    }
    trials: dict[int, list[Trial]] = {length: [] for length in LENGTHS}
    for clip in clips:
        heard = posteriors(recognizer, clip, condition)
        hours = len(heard) * recognizer.model.frame_ms / 3_600_000
        sentence = syllables(clip.text)
        for length, spotter in spotters.items():
            scores: dict[str, float] = {}
            for (phrase, _), score in zip(spotter.paths, spotter.best_scores(heard), strict=True):
                scores[phrase.key] = max(float(score), scores.get(phrase.key, float("-inf")))
            for key, score in scores.items():
                trials[length].append(Trial(score, is_said(syllables(key), sentence), hours))
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
def main(
    models: tuple[str, ...],
    folders: tuple[Path, ...],
    shared: Path,
    names: tuple[str, ...],
    count: int,
) -> None:
    for model in models or ("embedded",):
        recognizer = load(model)
        if not isinstance(recognizer, CtcRecognizer):
            raise UserError(f"{model} has no posteriors to spot in")
        for name, clips in sets(shared, folders):
            if name.endswith("-dev"):
                continue  # its unseen sentences are a set of their own
            for condition in names or ("16k", "telephone"):
                head = {"model": recognizer.name, "set": name, "condition": condition}
                for figures in measure(recognizer, clips, CONDITIONS[condition], count):
                    click.echo(json.dumps({**head, **figures}, ensure_ascii=False))


if __name__ == "__main__":
    main()
