"""Texts that the language models learn from: what was read aloud, and dialogues written here."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import numpy as np

from models.training import corpus, texts, units
from models.training.paths import shared

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIES = re.compile(r"[{0-9]")  # slots, and digits with more than one reading
FILLED = 8  # ways in which every dialogue line's slots are filled


def read_sentences() -> Iterator[str]:
    """Texts of the recordings for training."""
    for table in sorted((shared() / "data").glob("*/clips.tsv")):
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["speaker"] in corpus.HELD_OUT_SPEAKERS:
                    continue
                if row.get("split", "train") == "train" and units.readable(row["text"]):
                    yield row["text"]


def written_dialogues() -> Iterator[str]:
    """The written turns and ordinary calls, each `FILLED` times, slots filled in different ways.

    Without `careless*.txt` and the rule packs: what agents must not say is never made
    likelier, or the recogniser would lean towards an accusation. Without the sentences
    held out, as when training.
    """
    rng = np.random.default_rng(7)
    for line in (*texts.turns(), *texts.ordinary()):
        if not texts.held_out(line):
            for _ in range(FILLED if _VARIES.search(line) else 1):
                yield texts.fill(line, rng)
