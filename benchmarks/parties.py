"""Who said it: words and alerts with the right party. One JSON line per condition.

    python -m benchmarks.parties leaks            # the bundled calls, one voice leaking
    python -m benchmarks.parties voices           # made-up calls of real speakers
    python -m benchmarks.parties mixed            # the same mixed down to one channel

Fields of `leaks`, over all bundled two-channel calls, as they are and with the parties exchanged
(the customer then says what is forbidden to the agent), and both directions:

    leak       gain (dB), lag (ms), path and codec of the leak; `--raw`: nothing is set aside
    alerts     about words, in the calls as they are
    false      alerts about words that the leak added
    lost       alerts about words that are missing
    scripts    states of scripts that changed
    aside      share of the leaking windows that were set aside

Fields of `voices`, over calls of two Common Voice speakers (`--split dev`; `train` is for choosing)
with pauses, overlaps and back-channels:

    words      recognised syllables
    right      share of them that lie in a line of their party
    kept       syllables of a party's own lines, against the same call and codec without a leak
    cost       processor seconds per second of the call that setting leaks aside takes

Fields of `mixed`, one line per call and codec; which of two real speakers is the agent cannot be
known from read sentences, so the better of both ways counts:

    right      share of recognised syllables in a line of their party
    frames     share of the frames with one voice (32 ms, louder by 3 dB) given to its speaker
    missed     share of such frames in no turn
    cost       processor seconds per second of the call for telling the voices apart

What real people say in `voices` breaks no rule: alerts are counted in `leaks`, whose voices are
synthetic.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from models.training.paths import shared
from monitor.audio import file as audio_file
from monitor.audio.leak import LeakGate
from monitor.audio.leaked import Leaked
from monitor.audio.vad import WINDOW
from monitor.base.call_record import CallRecord
from monitor.call import engine
from monitor.call.engine import Engine
from monitor.events import SAMPLE_RATE, SAMPLES_PER_MS, Chunk, Party, Samples
from monitor.testing import fixtures
from monitor.testing.leaks import Codec, Leak, coded

Audio = Mapping[Party, Samples]

LEAKS: tuple[tuple[Leak, Codec], ...] = (
    (Leak(-3, 30, "telephone"), "mu-law"),
    (Leak(-6, 0), "pcm"),
    (Leak(-9, 150, "room", seed=3), "opus"),
    (Leak(-14, 60, "telephone"), "amr"),
    (Leak(-20, 260, "room", seed=4), "mu-law"),
    (Leak(-26, 12), "pcm"),
    (Leak(-34, 400, "telephone"), "pcm"),
)
"""What is reported; settings were chosen with others."""

_NEAR_MS = 1_000
_SPEECH_DB = -45.0


@dataclass(frozen=True, slots=True)
class Line:
    """Something said: by whom, from when to when."""

    party: Party
    start_ms: int
    end_ms: int


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command("leaks")
@click.option("--raw", is_flag=True, help="set nothing aside")
@click.option("--only", help="names of bundled calls, separated by commas")
@click.option("--condition", type=int, multiple=True, help="number of a leak, from 0")
def leaks_command(raw: bool, only: str | None, condition: tuple[int, ...]) -> None:
    loaded = engine.load()
    names = only.split(",") if only else [f.name for f in fixtures.load_all()]
    calls = [_read(fixtures.load(name).audio) for name in names]
    # As they are, and with the parties exchanged: what the agent must not say, the customer says.
    calls += [dict(zip(Party, reversed([*call.values()]), strict=True)) for call in calls]
    plain = [_run(loaded, call, raw=raw) for call in calls]
    for number, (leak, codec) in enumerate(LEAKS):
        if condition and number not in condition:
            continue
        false = lost = scripts = alerts = 0
        aside: list[float | None] = []
        for call, before in zip(calls, plain, strict=True):
            for into in Party:
                mixed = leaked(call, into, leak, codec)
                after = _run(loaded, mixed, raw=raw)
                base = before if codec == "pcm" else _run(loaded, coded_call(call, codec), raw=raw)
                alerts += len(_about_words(base))
                false += len(_beyond(after, base))
                lost += len(_beyond(base, after))
                scripts += len(_states(after) ^ _states(base)) // 2
                aside.append(_aside_share(call, mixed, into, leak))
        told = {"gain": leak.gain_db, "lag": leak.lag_ms, "path": leak.path, "codec": codec}
        shares = [share for share in aside if share is not None]
        print(
            json.dumps(
                {
                    "leak": told,
                    "raw": raw,
                    "calls": 2 * len(calls),
                    "alerts": alerts,
                    "false": false,
                    "lost": lost,
                    "scripts": scripts,
                    "aside": round(float(np.mean(shares)), 3),
                }
            ),
            flush=True,
        )


@main.command("voices")
@click.option("--split", default="dev", show_default=True, help="train, dev or aishell")
@click.option("--calls", default=4, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--raw", is_flag=True, help="set nothing aside")
@click.option("--condition", type=int, multiple=True, help="number of a leak, from 0")
def voices_command(
    split: str, calls: int, seed: int, raw: bool, condition: tuple[int, ...]
) -> None:
    loaded = engine.load()
    made = list(made_calls(split, calls, seed))
    for number, (leak, codec) in enumerate(LEAKS):
        if condition and number not in condition:
            continue
        words = right = own = before = 0
        cost: list[float] = []
        for audio, lines in made:
            mixed = leaked(audio, Party.AGENT, leak, codec)
            record = _run(loaded, mixed, raw=raw)
            mine, said = _own_words(record, lines)
            right, words, own = right + mine, words + mine + said, own + mine
            before += _own_words(_run(loaded, coded_call(audio, codec), raw=raw), lines)[0]
            cost.append(_cost(mixed))
        told = {"gain": leak.gain_db, "lag": leak.lag_ms, "path": leak.path, "codec": codec}
        print(
            json.dumps(
                {
                    "leak": told,
                    "raw": raw,
                    "split": split,
                    "calls": len(made),
                    "words": words,
                    "right": round(right / max(1, words), 4),
                    "kept": round(own / max(1, before), 4),
                    "cost": round(float(np.median(cost)), 5),
                }
            ),
            flush=True,
        )


@main.command("mixed")
@click.option("--split", default="dev", show_default=True, help="train, dev or aishell")
@click.option("--calls", default=4, show_default=True)
@click.option("--seed", default=2, show_default=True)
@click.option("--codec", "codecs", multiple=True, default=("pcm", "mu-law"), show_default=True)
def mixed_command(split: str, calls: int, seed: int, codecs: tuple[Codec, ...]) -> None:
    from monitor.audio.mixed import Listener, apart
    from monitor.audio.voices import VoiceModel

    loaded, model = engine.load(packs=()), VoiceModel()
    for number, (audio, lines) in enumerate(made_calls(split, calls, seed)):
        for codec in codecs:
            mono = coded(sum(audio.values(), np.zeros(1, np.float32)), codec)
            before = time.process_time()
            listener = Listener(loaded.vad, model)
            for at in range(0, len(mono), SAMPLE_RATE):
                listener.feed(mono[at : at + SAMPLE_RATE])
            turns = listener.turns()
            cost = (time.process_time() - before) / (len(mono) / SAMPLE_RATE)
            told: dict[str, object] = {"split": split, "call": number, "codec": codec}
            if turns is None:
                print(json.dumps({**told, "voices": 1}), flush=True)
                continue
            frames, missed = _frames(audio, [(t.start_ms, t.end_ms, t.speaker) for t in turns])
            chunk = Chunk(Party.AGENT, 0, mono)
            parts = list(apart([chunk], turns, tuple(Party)))
            record = _run(loaded, {part.party: part.samples for part in parts}, raw=False)
            mine, other = _own_words(record, lines)
            exchanged = [replace(line, party=_other(line.party)) for line in lines]
            theirs, _ = _own_words(record, exchanged)
            right = round(max(mine, theirs) / max(1, mine + other), 4)
            words = {"words": mine + other, "right": right, "frames": frames, "missed": missed}
            unsure = sum(turn.end_ms - turn.start_ms for turn in turns if not turn.sure)
            print(
                json.dumps({**told, **words, "unsure_ms": unsure, "cost": round(cost, 4)}),
                flush=True,
            )


def _frames(audio: Audio, turns: Sequence[tuple[int, int, int]]) -> tuple[float, float]:
    """Shares of the frames with one voice: given to its speaker, and in no turn."""
    count = min(map(len, audio.values())) // WINDOW
    levels = [
        10 * np.log10(np.square(x[: count * WINDOW].reshape(count, WINDOW)).mean(1) + 1e-12)
        for x in audio.values()
    ]
    truth = np.full(count, -1)
    for speaker in (0, 1):
        own, other = levels[speaker], levels[1 - speaker]
        truth[(own > _SPEECH_DB) & (own > other + 3)] = speaker
    told = np.full(count, -1)
    for start, end, speaker in turns:
        told[start * SAMPLES_PER_MS // WINDOW : end * SAMPLES_PER_MS // WINDOW] = speaker
    spoken, heard = truth >= 0, (truth >= 0) & (told >= 0)
    right = float((truth == told)[heard].mean())
    missed = 1 - float(heard.sum() / spoken.sum())
    return round(max(right, 1 - right), 4), round(missed, 4)


def _other(party: Party) -> Party:
    return Party.CUSTOMER if party is Party.AGENT else Party.AGENT


def made_calls(split: str, count: int, seed: int) -> Iterator[tuple[Audio, list[Line]]]:
    """Calls of two real speakers each: turns with pauses, overlaps and back-channels."""
    draw = np.random.default_rng(seed)
    speakers = _speakers(split)
    names = sorted(speakers)
    draw.shuffle(names)
    for number in range(count):
        pair = names[(2 * number) % len(names)], names[(2 * number + 1) % len(names)]
        yield _made_call(dict(zip(Party, (speakers[name] for name in pair), strict=True)), draw)


def _made_call(
    clips: Mapping[Party, Sequence[Path]], draw: np.random.Generator, turns: int = 8
) -> tuple[Audio, list[Line]]:
    placed: list[tuple[Party, int, Samples]] = []
    at = SAMPLE_RATE // 2
    for turn in range(turns):
        party, other = (Party.AGENT, Party.CUSTOMER)[:: 1 if turn % 2 == 0 else -1]
        clip = clips[party][int(draw.integers(len(clips[party])))]
        said = _at_level(_mono(clip)[: 7 * SAMPLE_RATE], -24 + draw.uniform(-3, 3))
        placed.append((party, at, said))
        manner = draw.choice(["pause", "overlap", "back-channel"], p=[0.6, 0.2, 0.2])
        if manner == "back-channel":
            short = _at_level(_mono(clips[other][-1]), -26)
            first = len(short) // 3
            length = int(draw.uniform(0.3, 0.7) * SAMPLE_RATE)
            placed.append((other, at + len(said) // 2, short[first : first + length]))
        gap = -0.7 if manner == "overlap" else draw.uniform(0.2, 1.2)
        at = at + len(said) + int(gap * SAMPLE_RATE)
    end = max(start + len(said) for _, start, said in placed) + SAMPLE_RATE
    audio = {
        party: (draw.standard_normal(end) * 10 ** (-66 / 20)).astype(np.float32) for party in Party
    }
    for party, start, said in placed:
        audio[party][start : start + len(said)] += said
    lines = [
        Line(party, start // SAMPLES_PER_MS, (start + len(said)) // SAMPLES_PER_MS)
        for party, start, said in placed
    ]
    return audio, lines


def leaked(call: Audio, into: Party, leak: Leak, codec: Codec) -> Audio:
    """The call, with the other party's voice in `into`'s channel."""
    (other,) = [party for party in Party if party is not into]
    mixed = {party: samples.copy() for party, samples in call.items()}
    mixed[into] += leak.of(call[other])
    return coded_call(mixed, codec)


def coded_call(call: Audio, codec: Codec) -> Audio:
    return {party: coded(samples, codec) for party, samples in call.items()}


def _run(loaded: Engine, audio: Audio, *, raw: bool) -> CallRecord:
    call = loaded.call("made up", tuple(audio))
    if raw:
        call._leaked = Leaked(())  # for comparison only: the product has no such switch
    return engine.run(call, _chunks(audio))


def _chunks(call: Audio) -> Iterator[Chunk]:
    step = SAMPLE_RATE // 10
    for at in range(0, max(map(len, call.values())), step):
        for party, samples in call.items():
            yield Chunk(party, at // SAMPLES_PER_MS, samples[at : at + step])


def _about_words(record: CallRecord) -> list[tuple[str, Party, int]]:
    return [
        (alert.rule, alert.party, alert.start_ms)
        for alert in record.alerts
        if "phrase" in alert.evidence
    ]


def _beyond(record: CallRecord, base: CallRecord) -> list[tuple[str, Party, int]]:
    """Alerts about words that `base` does not have."""
    known = _about_words(base)
    return [
        (rule, party, at)
        for rule, party, at in _about_words(record)
        if not any(r == rule and p is party and abs(a - at) <= _NEAR_MS for r, p, a in known)
    ]


def _states(record: CallRecord) -> set[tuple[str, int, str]]:
    return {(script.rule, script.occurrence, script.status) for script in record.scripts}


def _own_words(record: CallRecord, lines: Sequence[Line]) -> tuple[int, int]:
    """Syllables in lines of their own party, and elsewhere."""
    right = wrong = 0
    for turn in record.utterances:
        for token in turn.tokens:
            middle = (token.start_ms + token.end_ms) / 2
            inside = any(
                line.party is turn.party and line.start_ms - 200 <= middle <= line.end_ms + 200
                for line in lines
            )
            right, wrong = right + inside, wrong + (not inside)
    return right, wrong


def _aside_share(call: Audio, mixed: Audio, into: Party, leak: Leak) -> float | None:
    """Of the windows that hold only the leak, loud enough to be words, how many were set aside."""
    (other,) = [party for party in Party if party is not into]
    gate = LeakGate()
    side = list(mixed).index(into)
    copy = leak.of(call[other])
    told = among = 0
    first, second = mixed.values()
    for at in range(0, len(first) - WINDOW, WINDOW):
        gate.feed(first[at : at + WINDOW], second[at : at + WINDOW])
        own, leaks = (_level(x[at : at + WINDOW]) for x in (call[into], copy))
        if leaks > max(own + 10, leak.gain_db - 44):
            among += 1
            told += gate.aside[side]
    return told / among if among else None


def _cost(call: Audio) -> float:
    gate = LeakGate()
    first, second = call.values()
    before = time.process_time()
    for at in range(0, len(first) - WINDOW, WINDOW):
        gate.feed(first[at : at + WINDOW], second[at : at + WINDOW])
    return (time.process_time() - before) / (len(first) / SAMPLE_RATE)


def _speakers(split: str) -> dict[str, list[Path]]:
    """Clips of each speaker who has enough of them."""
    name = "aishell-sample" if split == "aishell" else "commonvoice-zh-CN"
    folder = shared() / "data" / name
    found: dict[str, list[Path]] = {}
    with (folder / "clips.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row.get("split", split) == split:
                found.setdefault(row["speaker"], []).append(folder / "clips" / row["clip"])
    return {speaker: clips for speaker, clips in found.items() if len(clips) >= 5}


def _read(path: Path) -> Audio:
    parts: dict[Party, list[Samples]] = {}
    for chunk in audio_file.read_call(path):
        parts.setdefault(chunk.party, []).append(chunk.samples)
    return {party: np.concatenate(chunks) for party, chunks in parts.items()}


def _mono(path: Path) -> Samples:
    return np.concatenate([chunk.samples for chunk in audio_file.read_call(path)])


def _at_level(samples: Samples, level_db: float) -> Samples:
    return (samples * 10 ** ((level_db - _level(samples)) / 20)).astype(np.float32)


def _level(samples: Samples) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples)) + 1e-12))


if __name__ == "__main__":
    main()
