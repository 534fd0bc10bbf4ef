"""The sets errors are measured on, one for each kind of speech; none of it is trained on.

`natural` are Kokoro's two held-out voices saying held-out sentences at quick tempo, `aishell` and
`commands` one held-out speaker each of AISHELL-1 and dspspeech20 (isolated words; version 0.3 and
before had trained on both), the `synthetic` ones espeak-ng's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from models.training import augment, codecs, corpus, kokoro, natural, paths, synth, texts, units
from models.training.features import RATE, fbank
from models.training.paths import REPO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SETS = (
    "commonvoice",
    "natural",
    "aishell",
    "commands",
    "synthetic",
    "synthetic-voices",
    "bundled-calls",
    "bundled-natural",
)
CONDITIONS = ("16k", "8k-alaw", "noise-20", "noise-10", "noise-5")
SYNTHETIC = 160
NATURAL = 100
CLIPS = 160  # of a held-out speaker
QUICK = (1.05, 1.6)  # tempo of the natural voices


def conditions(name: str) -> tuple[str, ...]:
    """The bundled calls are heard as they are: noise and telephone lines are in them."""
    return CONDITIONS[:1] if name.startswith("bundled-") else CONDITIONS


@dataclass(frozen=True)
class Item:
    """One recording with its truth; `unseen` means no training speaker reads the sentence."""

    samples: Floats
    units: tuple[int, ...]
    text: str
    unseen: bool


@cache
def items(name: str) -> tuple[Item, ...]:
    """All items of a set, clean."""
    if name == "commonvoice":
        seen = {c.text for c in corpus.sentences()}
        return tuple(
            Item(c.read(), c.units, c.text, c.text not in seen)
            for c in corpus.sentences("dev")
            if c.units
        )
    if name.startswith("bundled-"):
        return tuple(_bundled(natural_voices=name == "bundled-natural"))
    if name == "natural":
        return _natural()
    if name in {"aishell", "commands"}:
        clips = corpus.held_out("aishell-sample" if name == "aishell" else "dspspeech20")
        chosen = clips[:: max(1, len(clips) // CLIPS)][:CLIPS]
        return tuple(Item(_padded(c.read()), c.units or (), c.text, unseen=True) for c in chosen)
    return _synthetic(voices_held_out=name == "synthetic-voices")


def _padded(samples: Floats) -> Floats:
    """With a quarter of a second of quiet around it: some clips are cut to the word."""
    return np.pad(samples, RATE // 4)


def _held_out_texts(rng: np.random.Generator, longest: int) -> Iterator[tuple[str, list[int]]]:
    """Held-out sentences, filled in, without any that a training sentence contains."""
    spoken = (*texts.turns(), *texts.turns(careless=True), *texts.ordinary())
    pool = [t for t in spoken if texts.held_out(t)]
    trained = "\n".join(texts.plain(t) for t in texts.templates() if not texts.held_out(t))
    for number in rng.permutation(len(pool) * 4):
        text = texts.clauses(texts.fill(pool[int(number) % len(pool)], rng), rng, longest)
        label = units.from_hanzi(text)
        if label and len(label) >= 3 and texts.plain(text) not in trained:
            yield text, label


def _natural() -> tuple[Item, ...]:
    """Held-out sentences by the held-out natural voices; made once, kept in the cache folder."""
    stem = paths.cache() / "natural-dev" / "0000"
    if not stem.with_suffix(".json").exists():
        rng = np.random.default_rng(20_020)
        said: list[tuple[Floats, dict[str, Any]]] = []
        for text, label in islice(_held_out_texts(rng, 36), NATURAL):
            speaker = kokoro.single(
                kokoro.HELD_OUT_VOICES[len(said) % 2], float(rng.uniform(*QUICK))
            )
            facts = {"text": text, "units": label, "speaker": asdict(speaker)}
            said.append((kokoro.speak(text, speaker), facts))
        natural.store(stem, said)
    return tuple(
        Item(_padded(c.read()), c.units, c.text, unseen=True)
        for c in natural.stored(stem.with_suffix(".json"))
    )


def _synthetic(voices_held_out: bool) -> tuple[Item, ...]:
    """Held-out texts by known voices, or by held-out ones."""
    rng = np.random.default_rng(20_000 + voices_held_out)
    pool = [t for t in texts.templates() if texts.held_out(t)]
    trained = "\n".join(texts.plain(t) for t in texts.templates() if not texts.held_out(t))
    made: list[Item] = []
    for number in range(SYNTHETIC * 20):
        if len(made) == SYNTHETIC:
            break
        text = texts.clauses(texts.fill(pool[number % len(pool)], rng), rng)
        label = units.from_hanzi(text)
        if label and len(label) >= 3 and texts.plain(text) not in trained:
            voice = synth.draw_voice(rng, voices_held_out)
            made.append(Item(synth.speak(text, voice), tuple(label), text, unseen=True))
    return tuple(made)


def _bundled(natural_voices: bool) -> Iterator[Item]:
    """The described lines of `audio_fixtures`, cut out of their calls with a little room."""
    from ruamel.yaml import YAML

    for path in sorted((REPO / "audio_fixtures").glob("*.yaml")):
        if path.name.startswith("natural-") != natural_voices:
            continue
        facts = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        lines = facts.get("lines") or []
        if not lines:
            continue
        channels = _channels(path.with_name(facts["audio"]))
        for line in lines:
            party = 0 if line["party"] == "agent" else len(channels) - 1
            span = slice(max(0, line["start_ms"] - 100) * 16, (line["end_ms"] + 150) * 16)
            label = units.from_hanzi(line["say"])
            if label:
                yield Item(channels[party, span], tuple(label), line["say"], unseen=True)


def _channels(path: Path) -> Floats:
    """Any audio file as [channels, samples] at 16 kHz."""
    import av

    resampler = av.AudioResampler(format="fltp", rate=RATE)
    with av.open(str(path)) as container:
        parts = [
            piece.to_ndarray()
            for frame in container.decode(audio=0)
            for piece in resampler.resample(frame)
        ]
    return np.asarray(np.concatenate(parts, 1), np.float32)


def condition(samples: Floats, name: str, number: int) -> Floats:
    """The recording as the condition has it; `number` seeds the noise."""
    if name == "16k":
        return samples
    if name == "8k-alaw":
        narrow = augment.resample(samples, RATE, augment.PHONE)
        narrow = codecs.companded(narrow, "alaw", augment.PHONE)
        return augment.resample(narrow, augment.PHONE, RATE)
    ratio = float(name.removeprefix("noise-"))
    rng = np.random.default_rng([31, number])
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    noise = np.fft.irfft(spectrum * np.maximum(hertz, 50.0) ** -0.5, len(samples))
    noise *= augment.level(samples) * 10 ** (-ratio / 20) / noise.std()
    return (samples + noise).astype(np.float32)


@cache
def features(name: str, situation: str) -> tuple[Floats, ...]:
    """Filterbanks of a set in a condition."""
    return tuple(
        fbank(condition(item.samples, situation, number)) for number, item in enumerate(items(name))
    )
