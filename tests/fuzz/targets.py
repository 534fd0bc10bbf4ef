"""What is fuzzed: each target makes a case from a seed and tries it; only the errors that it
promises may leave it. `scripts/fuzz` runs them for hours, `test_fuzz.py` a bounded number."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from monitor.audio.decode import Decoder
from monitor.audio.seats import seat
from monitor.base import call_record, package_files
from monitor.base.errors import UserError
from monitor.base.moments import read_moment
from monitor.base.names import fitting, readable, safe_lines, text_of
from monitor.call.batch_folder import Folder, row_of
from monitor.events import (
    Alert,
    CallEnd,
    CallInfo,
    Gap,
    Party,
    Reading,
    ScriptState,
    ScriptStatus,
    Severity,
    Speech,
    Token,
    Utterance,
    from_json,
    to_json,
)
from monitor.quality.imports.metadata import Pattern, parse_csv
from monitor.rules.tools import replay
from tests.audio import wavs
from tests.fuzz import mutate

Target = Callable[[random.Random, Path], None]
"""Makes one case and tries it, with a folder for its files. Whatever it raises is a fault."""

_SECONDS = 3600.0  # more sound than any mutation of a small file may turn into


def audio(rng: random.Random, folder: Path) -> None:
    path = folder / "case.wav"
    path.write_bytes(mutate.data(rng, rng.choice(_recordings(folder))))
    try:
        with Decoder(path) as decoder:
            seconds = 0.0
            for block in decoder.blocks():
                seconds += block.jump_s + len(block.samples) / decoder.info.rate
                assert np.isfinite(block.samples).all(), "samples that are no numbers"
                assert block.samples.shape[1] == decoder.info.channels
                if seconds > _SECONDS:
                    break
    except UserError as error:
        _one_line(error)
    try:
        seat(path)
    except UserError as error:
        _one_line(error)


@lru_cache(maxsize=1)
def _recordings(folder: Path) -> tuple[bytes, ...]:
    from monitor.testing.recordings import encode

    sound = wavs.speechlike(0.4)
    pcm = wavs.pcm(sound)
    wave = np.repeat(sound, 2).astype(np.float32)
    both = np.stack([wave, wave[::-1]], 1)
    made = [
        wavs.wav(pcm),
        wavs.wav(pcm, size=100) + wavs.chunk(b"LIST", b"INFOISFT\5\0\0\0call\0"),
        wavs.wav(sound.astype("<f4").tobytes(), wavs.fmt(3, bits=32)),
        wavs.wav(pcm, wavs.extensible(2, 16, 16)),
        wavs.rf64(pcm, wavs.fmt()),
        wavs.rifx(wavs.fmt(order=">"), pcm),
        wavs.au(pcm, 3),
        wavs.aiff(pcm, len(sound)),
        wavs.caf(pcm, len(pcm)),
        wavs.w64(pcm, len(pcm)),
        wavs.wav(pcm) + wavs.wav(pcm),
    ]
    kinds = {"mp3": "libmp3lame", "flac": "flac", "opus": "libopus", "m4a": "aac", "aac": "aac",
             "mka": "libopus", "wav": "adpcm_ima_wav"}  # fmt: skip
    for ending, codec in kinds.items():
        rate = 48_000 if codec == "libopus" else 16_000
        made.append(encode(folder / f"seed.{ending}", both, codec, rate).read_bytes())
    made.append(b"#!AMR\n" + (bytes([60]) + bytes(range(31))) * 20)
    return tuple(made)


def metadata(rng: random.Random, folder: Path) -> None:
    paths = [PurePath("calls/a.wav"), PurePath("calls/录音/b.wav"), PurePath("/x/\udcff.wav")]
    try:
        assigned = parse_csv(mutate.table(rng), "meta.csv", UTC).assign(paths)
    except UserError as error:
        _one_line(error)
    else:
        for known in assigned.known.values():
            json.dumps(known.to_dict())
            known.call_facts()
        for line in assigned.complaints("meta.csv"):
            assert "\n" not in line
    slots = ("{started_at}", "{agent}", "{*}", "_", "-", "/", "{", "}", "{agent", "x", "{1}", ".")
    try:
        Pattern("".join(rng.choices(slots, k=rng.randrange(1, 6)))).match(rng.choice(paths), UTC)
    except UserError as error:
        _one_line(error)
    with suppress(ValueError):
        read_moment(rng.choice(mutate.CELLS) + rng.choice(("", "Z", " 10:00", "日")), UTC)


def call_json(rng: random.Random, folder: Path) -> None:
    path = folder / "call.json"
    path.write_text(mutate.text(rng, _call()), "utf-8", "surrogatepass")
    try:
        data = call_record.read(path)
        with suppress(UserError):
            row_of("call", "call.wav", Folder(folder).read("call"))
        replay.replay(_rulebook(), replay.from_json(data))
    except UserError as error:
        _one_line(error)


@lru_cache(maxsize=1)
def _rulebook() -> Any:
    from monitor import rules

    return rules.load(["general-etiquette"])


@lru_cache(maxsize=1)
def _call() -> dict[str, Any]:
    record = call_record.CallRecord()
    record(_events())
    score = {
        "total": 90.0,
        "max": 100.0,
        "grade": "良好",
        "fatal": False,
        "groups": [],
        "lines": [],
    }
    return call_record.to_json(record, score, "0" * 32)


@lru_cache(maxsize=1)
def _events() -> tuple[Any, ...]:
    agent, customer = Party.AGENT, Party.CUSTOMER
    tokens = tuple(
        Token(agent, sign, sound, i * 200, i * 200 + 180, 0.9)
        for i, (sign, sound) in enumerate(
            [("你", "ni"), ("好", "hao"), ("烦", "fan"), ("不", "bu")]
        )
    )
    found = {"phrase": "烦不烦", "span": [0, 800], "deep": {"a": [1, None]}}
    return (
        CallInfo("call", "call.wav", (agent, customer), "embedded", ("general-etiquette@1",),
                 "2026-02-17T10:00:00+08:00", "inbound", {"queue": "宽带", "agent": "A01"}),
        Speech(agent, 0, 800, -20.0),
        *tokens,
        Utterance(agent, 0, 800, tokens),
        Alert("a-1", "rule", "标题", "family", Severity.MAJOR, agent, 0, 800, 900, "烦不烦", 0.9,
              evidence=found),
        ScriptState("s", "话术", ScriptStatus.MET, 100, 5000, 0, 800, "你好", 0.9),
        Reading("silence", 3000.0, "ms", 1000, 4000, customer),
        Gap(customer, 4000, 4500, "no audio arrived"),
        CallEnd(6000, "customer"),
    )  # fmt: skip


def events(rng: random.Random, folder: Path) -> None:
    line = mutate.text(rng, json.loads(to_json(rng.choice(_events()))))
    try:
        event = from_json(line)
    except ValueError as error:
        _one_line(error)
    else:
        assert from_json(to_json(event)) == event


def packs(rng: random.Random, folder: Path) -> None:
    from monitor import rules

    path = folder / "pack.yaml"
    seed = rng.choice(_packs())
    path.write_text(mutate.lines(rng, seed), "utf-8", "surrogatepass")
    try:
        rules.load([path])
    except UserError as error:
        safe_lines(str(error)).encode()


@lru_cache(maxsize=1)
def _packs() -> tuple[str, ...]:
    small = sorted(package_files.rules_dir().glob("*.yaml"), key=lambda path: path.stat().st_size)
    return tuple(path.read_text("utf-8") for path in small[:3])


def names(rng: random.Random, folder: Path) -> None:
    raw = rng.randbytes(rng.randrange(1, 40)) + rng.choice(("录音", "客户", "")).encode("gbk")
    name = raw.decode("utf-8", "surrogateescape")
    readable(name).encode()
    assert "\n" not in readable(name)
    text_of(f"{name}：坏了").encode()
    safe_lines(name).encode()
    assert (
        len(fitting(readable(name) * rng.randrange(1, 30), ".json").rsplit("/", 1)[-1].encode())
        <= 255
    )


def _one_line(error: Exception) -> None:
    str(error).encode()
    assert "\n" not in str(error), "a complaint of several lines"


TARGETS: Mapping[str, Target] = {
    "audio": audio,
    "metadata": metadata,
    "call_json": call_json,
    "events": events,
    "packs": packs,
    "names": names,
}
