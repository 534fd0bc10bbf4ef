"""Speech made by espeak-ng from toned pinyin: intelligible, mechanical, exactly transcribed."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from models.training.augment import resample
from models.training.features import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

HELD_OUT_VOICES = ("f4", "m6", "linda", "Mike")
UNFIT = ("whisper", "whisperf", "Demonic", "fast", "croak", "announcer")
PLAIN = ("", "f1", "f2", "f3", "f5", "m1", "m2", "m3", "m4", "m5", "m7", "m8", "klatt", "klatt2")


@cache
def voices() -> tuple[str, ...]:
    """Variants of the Mandarin voice to train on (`""` is the plain voice)."""
    listing = subprocess.run(
        ["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True
    ).stdout
    names = re.findall(r"!v/(\S+)", listing)
    return ("", *sorted(n for n in names if n not in HELD_OUT_VOICES and n not in UNFIT))


def draw_voice(rng: np.random.Generator, held_out: bool = False) -> list[str]:
    """espeak-ng's arguments for a random speaker: variant, speed, pitch."""
    if held_out:
        variant = str(rng.choice(HELD_OUT_VOICES))
    else:
        variant = str(rng.choice(PLAIN if rng.random() < 0.5 else voices()))
    name = "cmn-latn-pinyin" + (f"+{variant}" if variant else "")
    speed = int(rng.integers(110, 290)) if rng.random() < 0.5 else int(rng.integers(150, 220))
    return ["-v", name, "-s", str(speed), "-p", str(int(rng.integers(20, 85)))]


def pinyin(text: str) -> str:
    """Toned pinyin as espeak-ng reads it: `ni3 hao3, ...`, 5 for the neutral tone."""
    from pypinyin import Style, lazy_pinyin

    pauses = text.translate(str.maketrans("，。？！、；：", ",.?!,,,"))
    read = lazy_pinyin(pauses, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False)
    return " ".join(read)


def speak(text: str, voice: list[str]) -> NDArray[np.float32]:
    """The text (hanzi and punctuation) as 16 kHz samples."""
    done = subprocess.run(
        ["espeak-ng", *voice, "--stdout", pinyin(text)], capture_output=True, check=True
    )
    raw = done.stdout
    rate = int.from_bytes(raw[24:28], "little")
    data = raw[44:]
    samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768.0
    return resample(samples, rate, RATE)
