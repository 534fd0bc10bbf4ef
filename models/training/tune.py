"""Choose the decoder's weights for a newly exported model, on read and on service speech.

The weight of the n-gram and the bonus per unit go together: a grid of both, decoded by the
product's own decoder at 16 kHz and over the telephone; Common Voice `dev` and the held-out natural
voices count alike. Of the pairs with the fewest syllable
errors, give or take `TOLERANCE`, the one that leaves out the fewest syllables is written into
`decoding.json`: a phrase is recognised with a wrong syllable sooner than with a missing one.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.training import evaluate, heldout, scoring
from monitor.asr.ctc import model_folder as folders
from monitor.asr.ctc.decode import CtcDecoder, DecodingSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from monitor.asr.ctc.ngram import Ngram

    Floats = NDArray[np.float32]

WEIGHTS = (0.3, 0.4, 0.5)
BONUSES = (1.5, 1.75, 2.0, 2.25, 2.5)
SETS = ("commonvoice", "natural")
CONDITIONS = ("16k", "8k-alaw")
TOLERANCE = 0.002  # syllable error rate; smaller differences are chance on this many clips


def decode(
    logp: Floats, blank: int, settings: DecodingSettings, grammar: Ngram | None
) -> list[int]:
    """The units of log-probabilities [T, units]."""
    decoder = CtcDecoder(blank, settings, grammar)
    return [unit.index for unit in (*decoder.feed(logp), *decoder.finish())]


def choose(tried: list[dict[str, float]]) -> dict[str, float]:
    """The pair to keep: hardly more errors than the best, and the fewest missing syllables."""
    least = min(record["ser"] for record in tried)
    close = [record for record in tried if record["ser"] <= least + TOLERANCE]
    return min(close, key=lambda record: record["del"])


def run(folder: Path, every: int = 2) -> Iterator[dict[str, Any]]:
    """One record per pair of weights; the one chosen is stored at the end.

    Args:
        folder: a model folder with an n-gram.
        every: use every so manieth clip.
    """
    model = folders.read(folder)
    answer = evaluate.exported(folder)
    heard = {
        name: [
            (item.units, answer(frames))
            for condition in CONDITIONS
            for item, frames in zip(
                heldout.items(name)[::every],
                heldout.features(name, condition)[::every],
                strict=True,
            )
        ]
        for name in SETS
    }
    blank = model.description.units.blank
    tried = []
    for weight in WEIGHTS:
        for bonus in BONUSES:
            settings = replace(model.decoding, lm_weight=weight, insertion_bonus=bonus)
            record = {"lm_weight": weight, "insertion_bonus": bonus, "ser": 0.0, "del": 0.0}
            for name, clips in heard.items():
                found = scoring.errors(
                    (truth, decode(p, blank, settings, model.grammar)) for truth, p in clips
                )
                record |= {name: found["ser"]}
                for part in ("ser", "del"):
                    record[part] = round(record[part] + found[part] / len(heard), 4)
            tried.append(record)
            yield tried[-1]
    chosen = choose(tried)
    path = folder / "decoding.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts |= {key: chosen[key] for key in ("lm_weight", "insertion_bonus")}
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    yield {"chosen": facts}
