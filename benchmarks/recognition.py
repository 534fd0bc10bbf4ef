"""Recognition error rates and speed: one JSON line per model, set and condition.

    python -m benchmarks.recognition --model embedded --model ../shared/models/fsmn-charctc

Everything goes through the streaming recogniser, a tenth of a second at a
time, one clip after the other on one core. Fields:

    model, set, condition, n (clips), audio_s
    cer        character error rate: edit distance / reference characters
    ser        the same over toneless syllables
    rtf        processor seconds per second of audio, one thread, features included
    load_ms    time to load the model

References are read by pypinyin in their context, hypotheses by the
recogniser's own syllables; a polyphone counts as wrong unless the reading is
the one that pypinyin gives the reference, so the figure is a little harsh on
everyone alike. Punctuation is ignored. Texts with digits or Latin letters have
no reliable reading and are left out.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import click
import numpy as np

from monitor.asr import load
from monitor.asr.protocol import Recognizer
from monitor.base.errors import UserError
from monitor.events import SAMPLE_RATE, Chunk, Party, Samples, Token
from monitor.language.normalise import normalise

STEP = SAMPLE_RATE // 10

_HANZI = re.compile(r"[\u4e00-\u9fff]+")
_UNREADABLE = re.compile(r"[0-9A-Za-z０-９Ａ-Ｚａ-ｚ]")


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording and what is said in it."""

    audio: Path
    text: str


Condition: TypeAlias = Callable[[Samples, np.random.Generator], Samples]


def clean(samples: Samples, _: np.random.Generator) -> Samples:
    return samples


def telephone(samples: Samples, _: np.random.Generator) -> Samples:
    """8 kHz and G.711 µ-law, there and back."""
    import soxr

    narrow = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE // 2)
    wide: Samples = soxr.resample(mu_law(narrow), SAMPLE_RATE // 2, SAMPLE_RATE)
    return wide.astype(np.float32)


def mu_law(samples: Samples) -> Samples:
    """What is left of samples after 8-bit µ-law coding (ITU-T G.711, continuous form)."""
    mu = 255.0
    clipped = np.clip(samples, -1, 1)
    coded = np.sign(clipped) * np.log1p(mu * np.abs(clipped)) / np.log1p(mu)
    levels = np.round((coded + 1) / 2 * mu) / mu * 2 - 1
    decoded = np.sign(levels) * np.expm1(np.abs(levels) * np.log1p(mu)) / mu
    return np.asarray(decoded, dtype=np.float32)


def noise(snr_db: float) -> Condition:
    """White noise below the clip's own power by `snr_db`."""

    def add(samples: Samples, random: np.random.Generator) -> Samples:
        power = float(np.mean(samples**2)) / 10 ** (snr_db / 10)
        noisy = samples + random.normal(0, np.sqrt(power), len(samples))
        return np.asarray(noisy, dtype=np.float32)

    return add


CONDITIONS: Mapping[str, Condition] = {
    "16k": clean,
    "telephone": telephone,
    "noise20": noise(20),
    "noise10": noise(10),
    "noise5": noise(5),
}


def read_clips(folder: Path, split: str | None) -> list[Clip]:
    """The readable clips of a folder with `clips.tsv` (columns clip, text, perhaps split).

    Raises:
        UserError: no such file, or columns missing.
    """
    table = folder / "clips.tsv"
    if not table.is_file():
        raise UserError(f"{table}: not found; a set is a folder with a clips.tsv")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for column in ("clip", "text", *(["split"] if split else [])):
        if rows and column not in rows[0]:
            raise UserError(f"{table}: column {column} is missing")
    root = folder / "clips" if (folder / "clips").is_dir() else folder
    return [
        Clip(root / row["clip"], row["text"])
        for row in rows
        if (split is None or row["split"] == split) and readable(row["text"])
    ]


def readable(text: str) -> bool:
    return bool(_HANZI.search(text)) and not _UNREADABLE.search(text)


def hanzi(text: str) -> str:
    return "".join(_HANZI.findall(text))


def syllables(text: str) -> list[str]:
    """Toneless reading in context, run of characters by run."""
    from pypinyin import lazy_pinyin

    return [syllable for run in _HANZI.findall(text) for syllable in lazy_pinyin(run)]


def written(token: Token) -> list[str]:
    """A token's characters without marks; figures as they are read out, as the references are."""
    text = normalise(token.text).text
    return list(text) if text else [token.text]


def recognise(recognizer: Recognizer, samples: Samples) -> list[Token]:
    """The tokens of one clip, heard as a single stretch."""
    stream = recognizer.stream(Party.AGENT)
    tokens: list[Token] = []
    for at in range(0, len(samples), STEP):
        chunk = Chunk(Party.AGENT, at * 1000 // SAMPLE_RATE, samples[at : at + STEP])
        tokens += stream.feed(chunk)
    return tokens + stream.end_turn()


def decode(path: Path) -> Samples:
    """A clip as float32 mono at 16 kHz."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    return np.ascontiguousarray(mono, dtype=np.float32)


def measure(recognizer: Recognizer, clips: list[Clip], condition: Condition) -> dict[str, object]:
    """Error rates and speed over `clips`."""
    from rapidfuzz.distance import Levenshtein

    random = np.random.default_rng(0)
    wrong_characters = wrong_syllables = total = 0
    audio_s = busy_s = 0.0
    for clip in clips:
        samples = condition(decode(clip.audio), random)
        began = time.process_time()
        tokens = recognise(recognizer, samples)
        busy_s += time.process_time() - began
        audio_s += len(samples) / SAMPLE_RATE
        # A number in figures is one token of several syllables.
        heard = [sound for token in tokens for sound in (token.syllable or token.text).split()]
        reference = syllables(clip.text)
        wrong_syllables += Levenshtein.distance(reference, heard)
        spelt = [piece for token in tokens for piece in written(token)]
        wrong_characters += Levenshtein.distance(list(hanzi(clip.text)), spelt)
        total += len(reference)
    return {
        "n": len(clips),
        "audio_s": round(audio_s, 1),
        "cer": round(wrong_characters / total, 4),
        "ser": round(wrong_syllables / total, 4),
        "rtf": round(busy_s / audio_s, 4),
    }


def sets(shared: Path, folders: tuple[Path, ...]) -> Iterator[tuple[str, list[Clip]]]:
    """The development sets that are here, and the folders asked for."""
    voices = shared / "commonvoice-zh-CN"
    if voices.is_dir():
        known = {clip.text for clip in read_clips(voices, "train")}
        dev = read_clips(voices, "dev")
        yield "commonvoice-dev", dev
        yield "commonvoice-dev-unseen", [clip for clip in dev if clip.text not in known]
    for folder in folders:
        yield folder.name, read_clips(folder, None)


@click.command(help=__doc__)
@click.option("--model", "models", multiple=True, help="Name or folder; several allowed.")
@click.option("--set", "folders", multiple=True, type=click.Path(path_type=Path))
@click.option(
    "--shared", type=click.Path(path_type=Path), default=Path("../shared/data"), show_default=True
)
@click.option("--condition", "names", multiple=True, type=click.Choice(list(CONDITIONS)))
@click.option("--only", help="Only sets whose name contains this.")
@click.option("--limit", type=int, help="Only the first so many clips of each set.")
@click.option("--every", type=int, default=1, help="Only every so-manieth clip of each set.")
@click.option("--speaker", help="Only clips whose file name contains this.")
def main(
    models: tuple[str, ...],
    folders: tuple[Path, ...],
    shared: Path,
    names: tuple[str, ...],
    only: str | None,
    limit: int | None,
    every: int,
    speaker: str | None,
) -> None:
    for model in models or ("embedded",):
        began = time.perf_counter()
        recognizer = load(model)
        load_ms = round((time.perf_counter() - began) * 1000)
        for name, clips in sets(shared, folders):
            if only and only not in name:
                continue
            chosen = [clip for clip in clips if not speaker or speaker in clip.audio.name]
            chosen = chosen[::every][:limit]
            for condition in names or ("16k", "telephone"):
                figures = measure(recognizer, chosen, CONDITIONS[condition])
                head = {"model": recognizer.name, "set": name, "condition": condition}
                click.echo(json.dumps({**head, **figures, "load_ms": load_ms}, ensure_ascii=False))
        recognizer.close()


if __name__ == "__main__":
    main()
