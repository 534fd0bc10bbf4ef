"""Natural speech made by Kokoro-82M from toned pinyin, by many voices mixed from its own.

A voice is a table of style vectors; its first half colours the sound, its second half paces and
intones. Halves are mixed apart: the sound may be a good part foreign, the prosody hardly.
Syllables reach the network as phonemes from pinyin, so what is said is what the label says –
unless the speaker has an accent, which changes sounds and tones but not the label.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from models.training import registry
from models.training.augment import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

VOICES = ("zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zm_yunjian", "zm_yunxi", "zm_yunyang")
HELD_OUT_VOICES = ("zf_xiaoyi", "zm_yunxia")
NATIVE_RATE = 24_000
SOUND = 128  # of the 256 style numbers: the rest is prosody
LONGEST = 400  # phonemes
_HANZI = re.compile(r"[\u4e00-\u9fff]+|[，。？！、；：]")
_MARKS = {"，": ",", "、": ",", "。": ".", "？": "?", "！": "!", "；": ";", "：": ":"}
# Ways in which Mandarin is commonly said elsewhere in the country: pattern on toned pinyin, change.
ACCENTS = (
    (r"^([zcs])h", r"\1"),  # flat for curled sibilants
    (r"^([zcs])(?!h)", r"\1h"),  # and the reverse
    (r"^n(?=[aeiou])", "l"),
    (r"^l(?=[aeiou])", "n"),
    (r"^h(?=u)", "f"),
    (r"^f(?=[aeou])", "hu"),
    (r"(?<=[ie])ng(?=\d)", "n"),
    (r"(?<=[ie])n(?=\d)", "ng"),
    (r"^r(?=[aeou])", "l"),
)


@dataclass(frozen=True)
class Speaker:
    """A voice and a manner of speaking.

    Args:
        sound, prosody: voice names and their shares.
        speed: 1 is the voice's own pace.
        accent: indices into `ACCENTS`, applied to most syllables they fit.
        tones: what tones 1–5 become; empty for the standard ones.
    """

    sound: tuple[tuple[str, float], ...]
    prosody: tuple[tuple[str, float], ...]
    speed: float = 1.0
    accent: tuple[int, ...] = ()
    tones: str = ""
    seed: int = field(default=0, compare=False)


def single(voice: str, speed: float = 1.0) -> Speaker:
    """One of Kokoro's voices as it is."""
    return Speaker(((voice, 1.0),), ((voice, 1.0),), speed)


@cache
def foreign() -> tuple[str, ...]:
    """The voices of other languages."""
    folder = registry.kokoro() / "voices"
    return tuple(sorted(p.stem for p in folder.glob("*.bin") if not p.stem.startswith("z")))


def draw_speaker(rng: np.random.Generator) -> Speaker:
    """A random speaker for training: mostly mixtures, mostly quick, a quarter with an accent."""

    def mix() -> list[tuple[str, float]]:
        names = rng.choice(VOICES, size=int(rng.integers(1, 4)), replace=False)
        return list(zip(map(str, names), rng.dirichlet(np.ones(len(names))), strict=True))

    def joined(own: list[tuple[str, float]], other: str, share: float) -> list[tuple[str, float]]:
        return [*((name, weight * (1 - share)) for name, weight in own), (other, share)]

    sound = mix()
    prosody = list(sound) if rng.random() < 0.5 else mix()
    if rng.random() < 0.55:
        stranger = str(rng.choice(foreign()))
        sound = joined(sound, stranger, float(rng.uniform(0.15, 0.65)))
        prosody = joined(prosody, stranger, float(rng.uniform(0.0, 0.2)))
    accent: tuple[int, ...] = ()
    tones = ""
    if rng.random() < 0.25:
        accent = tuple(map(int, rng.choice(len(ACCENTS), size=int(rng.integers(1, 4)))))
        if rng.random() < 0.5:
            tones = "".join(map(str, rng.permutation(4) + 1)) + "5"
    speed = float(np.exp(rng.triangular(np.log(0.7), np.log(1.25), np.log(1.7))))
    return Speaker(tuple(sound), tuple(prosody), speed, accent, tones, int(rng.integers(2**31)))


@cache
def _voice(name: str) -> Floats:
    """Style vectors [510, 256] by number of phonemes."""
    raw = np.fromfile(registry.kokoro() / "voices" / f"{name}.bin", np.float32)
    return raw.reshape(-1, 256)


def style(speaker: Speaker, phonemes: int) -> Floats:
    """The style vector [1, 256] for an utterance of so many phonemes."""
    row = min(max(phonemes, 1), 510) - 1
    made = np.zeros(256, np.float32)
    for span, shares in ((slice(0, SOUND), speaker.sound), (slice(SOUND, 256), speaker.prosody)):
        for name, weight in shares:
            made[span] += _voice(name)[row, span] * weight
    return made[None]


@cache
def _ipa(toned: str) -> str:
    from misaki.zh import ZHG2P

    return str(ZHG2P.py2ipa(toned)).replace("\u032f", "")


def with_accent(toned: str, speaker: Speaker, rng: np.random.Generator) -> str:
    """A toned syllable as this speaker says it; left alone where the change is no syllable."""
    said = toned
    for number in speaker.accent:
        pattern, change = ACCENTS[number]
        if rng.random() < 0.8:
            said = re.sub(pattern, change, said, count=1)
    if speaker.tones and said[-1:].isdigit():
        said = said[:-1] + speaker.tones[int(said[-1]) - 1]
    if said != toned:
        from models.training import units

        if said[:-1] not in units.index():
            return toned
    return said


def phonemes(text: str, speaker: Speaker) -> str:
    """Kokoro's phonemes of hanzi and punctuation, words apart as in its own training."""
    import jieba
    from pypinyin import Style, lazy_pinyin

    jieba.setLogLevel(60)
    rng = np.random.default_rng(speaker.seed)
    out = ""
    for piece in _HANZI.findall(text):
        if piece in _MARKS:
            out = out.rstrip() + _MARKS[piece] + " "
            continue
        read = lazy_pinyin(piece, style=Style.TONE3, neutral_tone_with_five=True)
        at = 0
        for word in jieba.lcut(piece):
            said = [with_accent(s, speaker, rng) for s in read[at : at + len(word)]]
            out += "".join(map(_ipa, said)) + " "
            at += len(word)
    return out.strip()


@cache
def _session() -> object:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(registry.kokoro() / "model.onnx"), options)


@cache
def _vocabulary() -> dict[str, int]:
    facts = json.loads((registry.kokoro() / "vocab.json").read_text(encoding="utf-8"))
    return {str(k): int(v) for k, v in facts["vocab"].items()}


def speak(text: str, speaker: Speaker) -> Floats:
    """Hanzi and punctuation as 16 kHz samples in -1..1.

    Raises:
        ValueError: nothing to say, or more than `LONGEST` phonemes.
    """
    table = _vocabulary()
    tokens = [table[c] for c in phonemes(text, speaker) if c in table]
    if not 0 < len(tokens) <= LONGEST:
        raise ValueError(f"{len(tokens)} phonemes")
    (sound,) = _session().run(  # type: ignore[attr-defined]
        None,
        {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style(speaker, len(tokens)),
            "speed": np.array([speaker.speed], np.float32),
        },
    )[:1]
    return resample(np.asarray(sound, np.float32).reshape(-1), NATIVE_RATE, 16_000)
