"""How often speech is mistaken for a phrase: estimates it and writes a model's `spotting.json`.

    python -m models.training.spotting models/embedded

Run it whenever the network changes: two to three minutes on one core. Phrases
of four to ten syllables, cut from the training sentences and from the recipe's
dialogues, some with a gap in them, are sought in hours of the training speech:
read (Common Voice and AISHELL, split `train`; every other clip as a telephone line
carries it) and, where it has been made, natural service speech, worsened. A clip in
which a phrase is said, or all of it but one syllable, does not count for that phrase.

Service speech is full of what phrases are made of, so it mistakes more of them. The
law is fitted to all speech, then raised to what the worse kind shows.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import click
import numpy as np

from models.training import corpus, natural, texts
from models.training.augment import telephone
from models.training.corpus import Clip
from models.training.false_alarms import Mistaken, estimate, prevalence
from models.training.natural import Spoken
from models.training.sources import written_dialogues
from monitor.asr import load
from monitor.asr.ctc import false_alarms
from monitor.asr.ctc.acoustic import AcousticModel
from monitor.asr.ctc.decode import Posteriors
from monitor.asr.ctc.frontend import StreamingFrontend
from monitor.asr.ctc.inventory import Inventory
from monitor.asr.ctc.keyword_paths import paths_of
from monitor.asr.ctc.keyword_spotter import Spotter, Target
from monitor.asr.ctc.recognizer import CtcRecognizer
from monitor.base.errors import UserError
from monitor.events import SAMPLE_RATE
from monitor.language.pinyin import syllables

Heard: TypeAlias = Iterator[tuple[Clip | Spoken, np.ndarray]]

LENGTHS = (4, 5, 6, 7, 8, 10)
GAPS = (2, 6)
_CLAUSE = re.compile(r"[\u4e00-\u9fff]+")


def draw(sources: Sequence[Sequence[str]], each: int, seed: int = 1) -> list[str]:
    """Patterns: of each length `each` from every source, a quarter of them with a gap."""
    chooser = random.Random(seed)
    found: dict[str, None] = {}
    for source in sources:
        clauses = [c for text in source for c in _CLAUSE.findall(text)]
        for length in LENGTHS:
            long_enough = sorted({clause for clause in clauses if len(clause) >= length})
            for number in range(each):
                clause = chooser.choice(long_enough)
                at = chooser.randrange(len(clause) - length + 1)
                phrase = clause[at : at + length]
                if number % 4 == 0:
                    middle = length // 2
                    phrase = f"{phrase[:middle]}…{chooser.choice(GAPS)}{phrase[middle:]}"
                found[phrase] = None
    return list(found)


def choose(clips: Sequence[Clip], hours: float, seed: int = 1) -> Heard:
    """Clips in random order until so much speech is together, every other one over a telephone."""
    chooser = random.Random(seed)
    rng = np.random.default_rng(seed)
    left = hours * 3600 * SAMPLE_RATE
    for number, clip in enumerate(chooser.sample(list(clips), len(clips))):
        if left <= 0:
            return
        samples = clip.read()
        left -= len(samples)
        yield clip, telephone(samples, rng) if number % 2 else samples


def hear(model: AcousticModel, inventory: Inventory, samples: np.ndarray) -> Posteriors:
    """Log-probabilities [frames, classes] of a clip, as the recogniser hears it."""
    description = model.description
    frontend = StreamingFrontend(description.frontend, description.stack, description.sample_rate)
    stream = model.stream()
    parts = [frontend.feed(samples), frontend.finish()]
    heard = [stream.feed(part) for part in parts if len(part)] + [stream.finish()]
    return inventory.fold(np.concatenate([rows for rows in heard if len(rows)]))


def is_near(phrase: Sequence[str], sentence: Sequence[str]) -> bool:
    """Whether the syllables are said in a sentence, but for one at most."""
    from rapidfuzz.distance import Levenshtein

    size = len(phrase)
    return any(
        Levenshtein.distance(phrase, sentence[at : at + length], score_cutoff=1) <= 1
        for length in (size, size - 1, size + 1)
        for at in range(len(sentence) - length + 1)
    )


def worsened(clips: Sequence[Spoken], hours: float, seed: int = 1) -> Heard:
    """Natural clips in random order until so much is together, each with a room, noise or line."""
    from models.training.augment import worsen

    chooser = random.Random(seed)
    rng = np.random.default_rng(seed)
    left = hours * 3600 * SAMPLE_RATE
    for clip in chooser.sample(list(clips), len(clips)):
        if left <= 0:
            return
        samples = clip.read()
        left -= len(samples)
        yield clip, worsen(samples, rng, [])


@dataclass
class Search:
    """What seeking all phrases in one kind of speech gave."""

    hours: float
    scores: dict[str, list[float]]
    lost: dict[str, float]
    sample: list[Posteriors]

    def mistaken(self, targets: Sequence[Target]) -> list[Mistaken]:
        """For the estimate: each phrase, where it was not said."""
        return [
            Mistaken(t.paths[0], self.hours - self.lost[t.text], tuple(self.scores[t.text]))
            for t in targets
        ]


def search(spotter: Spotter, heard: Heard, recognizer: CtcRecognizer) -> Search:
    """Seek the phrases in some speech."""
    phrases = {
        target.text: [s for run in _CLAUSE.findall(target.text) for s in syllables(run)]
        for target in spotter.targets
    }
    found = Search(0.0, {text: [] for text in phrases}, dict.fromkeys(phrases, 0.0), [])
    for clip, samples in heard:
        rows = hear(recognizer.model, recognizer.inventory, samples)
        length = len(rows) * recognizer.model.frame_ms / 3_600_000
        found.hours += length
        if len(found.sample) < 300:
            found.sample.append(rows[::3])
        sentence = [s for run in _CLAUSE.findall(clip.text) for s in syllables(run)]
        best = spotter.best_scores(rows)
        for at in np.flatnonzero(best > -false_alarms.DOUBT).tolist():
            text = spotter.targets[at].text
            if is_near(phrases[text], sentence):
                found.lost[text] += length
            else:
                found.scores[text].append(float(best[at]))
    return found


def excess(
    law: false_alarms.FalseAlarms, mistaken: Sequence[Mistaken], classes: Sequence[str]
) -> float:
    """ln of how many times more often than the law says phrases are mistaken, near the limits.

    Looked at is half of `DOUBT`, where limits lie; with fewer than five cases, `DOUBT` itself.
    """
    for doubt in (false_alarms.DOUBT / 2, false_alarms.DOUBT):
        seen = sum(score > -doubt for m in mistaken for score in m.scores)
        if seen >= 5:
            break
    said = sum(m.hours * law.rate(law.chance([m.path], classes), doubt) for m in mistaken)
    return math.log(max(seen, 1) / said)


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Default: FOLDER.")
@click.option("--hours", default=2.0, show_default=True, help="Speech to search.")
@click.option("--each", default=120, show_default=True, help="Phrases per length and source.")
def main(folder: Path, out: Path | None, hours: float, each: int) -> None:
    recognizer = load(folder)
    if not isinstance(recognizer, CtcRecognizer):
        raise UserError(f"{folder} has no posteriors to spot in")
    inventory = recognizer.inventory
    number = {name: index for index, name in enumerate(inventory.classes)}
    clips = [clip for clip in corpus.sentences("train") if clip.units]
    dialogues = [text for text in dict.fromkeys(written_dialogues()) if not texts.held_out(text)]
    patterns = draw([[clip.text for clip in clips], dialogues], each)
    paths = {text: paths_of(text, number)[-1:] for text in patterns}
    spotter = Spotter(
        [Target(text, ways, -false_alarms.DOUBT) for text, ways in paths.items() if ways],
        inventory.blank,
    )
    spoken = natural.clips()
    share = hours / 2 if spoken else hours
    kinds = {"read": search(spotter, choose(clips, share), recognizer)}
    if spoken:
        kinds["service"] = search(spotter, worsened(spoken, share), recognizer)
    common = prevalence([rows for kind in kinds.values() for rows in kind.sample], inventory)
    mistaken = {name: kind.mistaken(spotter.targets) for name, kind in kinds.items()}
    law = estimate(
        [m for kind in mistaken.values() for m in kind],
        common,
        inventory,
        false_alarms.digest(recognizer.folder.network),
        sum(kind.hours for kind in kinds.values()),
    )
    over = {name: excess(law, kind, inventory.classes) for name, kind in mistaken.items()}
    law = law.model_copy(
        update={
            "phrases": len(spotter.targets),
            "constant": round(law.constant + max(0.0, *over.values()), 4),
        }
    )
    place = (out or folder) / false_alarms.FILE
    place.write_text(json.dumps(law.model_dump(), ensure_ascii=False, indent=1) + "\n", "utf-8")
    click.echo(json.dumps({"times_the_law": {k: round(math.exp(v), 2) for k, v in over.items()}}))
    click.echo(json.dumps(law.model_dump(exclude={"prevalence"})))


if __name__ == "__main__":
    main()
