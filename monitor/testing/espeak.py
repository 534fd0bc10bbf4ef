"""Mandarin speech for tests, made by espeak-ng from toned pinyin.

The same text and voice always give the same samples: every phrase is spoken by
a fresh espeak-ng process. It sounds like a robot, and that is enough to prove
that a pipeline hears, times and alerts; it says nothing about accuracy on
people.
"""

from __future__ import annotations

import io
import itertools
import re
import shutil
import subprocess
import wave
from dataclasses import dataclass

import numpy as np

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import SAMPLE_RATE, Samples

PAUSES = "，。？！、；：…,.?!;:"
"""Punctuation that espeak-ng renders as a pause; other marks are dropped."""

_PAUSE_MARKS = str.maketrans("，。？！、；：…", ",.?!,;:.")
_HANZI = re.compile(r"[㐀-䶿一-鿿]")
_QUIET = 10 ** (-50 / 20)  # edges below -50 dBFS are the synthesiser's padding, not speech


@dataclass(frozen=True, slots=True)
class Voice:
    """A way of speaking; the values are espeak-ng's own.

    `variant` is one of `espeak-ng --voices=variant` ("f2", "m3", "Mario", …) or
    empty for the plain voice. `speed` is in words per minute (175 is about 200
    characters per minute), `pitch` is 0–99, `range` (how lively the pitch moves)
    is a percentage of normal. espeak-ng speaks a variant it does not know in the
    plain voice.
    """

    variant: str = ""
    speed: int = 160
    pitch: int = 50
    range: int = 100


@dataclass(frozen=True, slots=True)
class Syllable:
    """One spoken character: `pinyin` carries its tone digit ("hao3")."""

    text: str
    pinyin: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A phrase: float32 mono at `SAMPLE_RATE`, without silence at its edges.

    The syllables' times are estimates: those between two pauses share the sound
    there evenly. Start and end of the phrase and of its clauses are exact.
    """

    samples: Samples
    syllables: tuple[Syllable, ...]

    @property
    def duration_ms(self) -> int:
        return len(self.samples) * 1000 // SAMPLE_RATE


def available() -> bool:
    """Is espeak-ng installed?"""
    return shutil.which("espeak-ng") is not None


def toned_pinyin(text: str) -> list[tuple[str, str]]:
    """Each character of `text` that is spoken, with its toned pinyin.

    Neutral tone is 5 and ü is v ("nv3"). Readings depend on the words around
    (银行 yin2 hang2), and tones change beside their neighbours as in speech
    (不会 bu2 hui4, 你好 ni2 hao3).
    Pauses are kept as ("，", ","); other punctuation and blanks are dropped.

    Raises:
        ValueError: a character has no Mandarin reading (write digits and
            letters as they are spoken: 幺零零幺零).
    """
    from pypinyin import Style, lazy_pinyin  # loads a large dictionary

    spoken: list[tuple[str, str]] = []
    for run in re.split(f"([{re.escape(PAUSES)}])", text):
        if run in PAUSES and run:
            spoken.append((run, run.translate(_PAUSE_MARKS)))
            continue
        hanzi = "".join(_HANZI.findall(run))
        strange = re.search(r"\w", _HANZI.sub("", run))
        if strange:
            raise ValueError(f"no Mandarin reading for {strange.group()!r} in {text!r}")
        readings = lazy_pinyin(
            hanzi, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=False, tone_sandhi=True
        )
        spoken += zip(hanzi, readings, strict=True)
    return spoken


def say(text: str, voice: Voice | None = None) -> Spoken:
    """Speak simplified or traditional characters.

    Raises:
        UserError: espeak-ng is not installed, or cannot speak.
        ValueError: there is nothing to say, or a character has no reading.
    """
    voice = voice or Voice()
    spoken = toned_pinyin(text)
    if not any(_HANZI.match(character) for character, _ in spoken):
        raise ValueError(f"nothing to say in {text!r}")
    samples = _trim(_synthesise(" ".join(pinyin for _, pinyin in spoken), voice))
    return Spoken(samples, _timed(spoken, samples))


def _synthesise(pinyin: str, voice: Voice) -> Samples:
    program = shutil.which("espeak-ng")
    if program is None:
        raise UserError(
            tr(
                "找不到 espeak-ng（语音合成）；请安装：apt-get install espeak-ng",
                "espeak-ng (the speech synthesiser) is missing; install it: "
                "apt-get install espeak-ng",
            )
        )
    name = "cmn-latn-pinyin" + (f"+{voice.variant}" if voice.variant else "")
    done = subprocess.run(
        [
            program,
            "-m",
            "-z",
            "--stdout",
            "-v",
            name,
            "-s",
            str(voice.speed),
            "-p",
            str(voice.pitch),
            f'<prosody range="{voice.range}%">{pinyin}</prosody>',
        ],
        capture_output=True,
        check=False,
    )
    if done.returncode or not done.stdout:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(
            tr(
                "espeak-ng 无法用声音 {} 合成：{}", "espeak-ng cannot speak with voice {}: {}"
            ).format(name, reason[0] if reason else done.returncode)
        )
    return _from_wav(done.stdout)


def _from_wav(data: bytes) -> Samples:
    """espeak-ng's 16-bit mono WAV at our rate. Its header on a pipe gives no true length."""
    import soxr

    with wave.open(io.BytesIO(data)) as header:
        rate = header.getframerate()
    start = data.index(b"data") + 8
    pcm = np.frombuffer(data[start : len(data) - (len(data) - start) % 2], dtype="<i2")
    samples: Samples = soxr.resample(pcm.astype(np.float32) / 32768, rate, SAMPLE_RATE)
    return samples.astype(np.float32)


def _trim(samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


def _timed(spoken: list[tuple[str, str]], samples: Samples) -> tuple[Syllable, ...]:
    """Lay the syllables of each clause evenly over that clause's sound."""
    clauses: list[list[tuple[str, str]]] = [[]]
    for character, pinyin in spoken:
        if character in PAUSES:
            clauses.append([])
        else:
            clauses[-1].append((character, pinyin))
    clauses = [clause for clause in clauses if clause]
    spans = _clause_spans(samples, len(clauses))
    if len(spans) != len(clauses):  # pauses too short to tell apart: one stretch for all
        clauses, spans = [list(itertools.chain(*clauses))], [(0, len(samples))]
    syllables = []
    for clause, (first, last) in zip(clauses, spans, strict=True):
        edges = np.linspace(first, last, len(clause) + 1) * 1000 / SAMPLE_RATE
        for index, (character, pinyin) in enumerate(clause):
            syllables.append(Syllable(character, pinyin, int(edges[index]), int(edges[index + 1])))
    return tuple(syllables)


def _clause_spans(samples: Samples, count: int) -> list[tuple[int, int]]:
    """The stretches of sound between the `count - 1` longest silences of at least 80 ms."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET)
    gaps = np.diff(loud)
    order = np.argsort(-gaps, kind="stable")[: count - 1]
    cuts = sorted(int(i) for i in order if gaps[i] >= 0.08 * SAMPLE_RATE)
    firsts = [int(loud[0]), *(int(loud[i + 1]) for i in cuts)]
    lasts = [*(int(loud[i]) + 1 for i in cuts), int(loud[-1]) + 1]
    return list(zip(firsts, lasts, strict=True))
