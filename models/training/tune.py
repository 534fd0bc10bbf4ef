"""Choose the decoder's weights for a newly exported model, on Common Voice `dev`.

The weight of the bigram and the bonus per unit go together: a grid of both, decoded by the
product's own decoder at 16 kHz and over the telephone; the pair with the fewest syllable errors in
all is written into `decoding.json`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.training import evaluate, heldout, scoring
from monitor.asr import folder as folders
from monitor.asr.decode import CtcDecoder, DecodingSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WEIGHTS = (0.15, 0.25, 0.35, 0.5)
BONUSES = (0.25, 0.75, 1.25, 1.75)
CONDITIONS = ("16k", "8k-alaw")


def decode(
    logp: Floats, blank: int, settings: DecodingSettings, grammar: Floats | None
) -> list[int]:
    """The units of log-probabilities [T, units]."""
    decoder = CtcDecoder(blank, settings, grammar)
    return [unit.index for unit in (*decoder.feed(logp), *decoder.finish())]


def run(folder: Path, every: int = 2) -> Iterator[dict[str, Any]]:
    """One record per pair of weights; the best is stored at the end.

    Args:
        folder: a model folder with a bigram.
        every: use every so manieth clip.
    """
    model = folders.read(folder)
    answer = evaluate.exported(folder)
    items = heldout.items("commonvoice")[::every]
    heard = [
        (item.units, answer(frames))
        for condition in CONDITIONS
        for item, frames in zip(
            items, heldout.features("commonvoice", condition)[::every], strict=True
        )
    ]
    best: tuple[float, DecodingSettings] | None = None
    for weight in WEIGHTS:
        for bonus in BONUSES:
            settings = replace(model.decoding, grammar_weight=weight, unit_bonus=bonus)
            blank = model.description.units.blank
            pairs = [(truth, decode(p, blank, settings, model.grammar)) for truth, p in heard]
            record = scoring.errors(pairs)
            yield {"grammar_weight": weight, "unit_bonus": bonus, **record}
            if best is None or record["ser"] < best[0]:
                best = record["ser"], settings
    assert best is not None
    path = folder / "decoding.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts |= {"grammar_weight": best[1].grammar_weight, "unit_bonus": best[1].unit_bonus}
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    yield {"chosen": facts}
