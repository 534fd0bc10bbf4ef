"""Syllable errors of an exported model (or of a teacher) by set and condition."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from models.training import heldout, scoring
from models.training.features import RATE, fbank, stack
from models.training.paths import WHISPER_CTC, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


def exported(folder: Path, chunk: int = 0) -> Callable[[Floats], Floats]:
    """A function from filterbank [T10, 80] to log-probabilities [T, units] of a model folder.

    `chunk` frames are fed at a time (0: all at once); the answers must agree.
    """
    import onnxruntime as ort

    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(folder / facts["file"]), options)
    delay = int(facts["streaming"]["delay"])
    _, channels, kept = session.get_inputs()[1].shape

    def answer(frames: Floats) -> Floats:
        speech = stack(frames)
        speech = np.concatenate([speech, np.repeat(speech[-1:], delay, 0)])[None]
        cache = np.zeros((1, channels, kept), np.float32)
        out = []
        step = chunk or speech.shape[1]
        for start in range(0, speech.shape[1], step):
            part, cache = session.run(
                None, {"speech": speech[:, start : start + step], "cache": cache}
            )
            out.append(part[0])
        return np.concatenate(out)[delay:]

    return answer


def teacher() -> Callable[[Floats], Floats]:
    """The FSMN model, its characters summed into our syllables, from samples."""
    from models.training.teacher import Teacher

    fsmn = Teacher(shared() / "models/fsmn-charctc")
    return lambda samples: np.log(fsmn.posteriors(fbank(samples)) + 1e-9)


def whisper_head() -> Callable[[Floats], Floats]:
    """Whisper's encoder with our head, from samples: a window per clip."""
    import torch

    from models.training import head, whisper

    ours = head.read(WHISPER_CTC)

    def answer(samples: Floats) -> Floats:
        with torch.no_grad():
            frames = torch.from_numpy(whisper.encode(whisper.level(samples)))
            return np.asarray(torch.log_softmax(ours(frames[None])[0], -1).numpy())

    return answer


def measure(
    name: str,
    answer: Callable[[Floats], Floats],
    sets: Sequence[str] = heldout.SETS,
    conditions: Sequence[str] = heldout.CONDITIONS,
) -> Iterator[dict[str, Any]]:
    """One record per set and condition: model, set, condition, ser and its parts, rtf."""
    for label in sets:
        items = heldout.items(label)
        for situation in heldout.conditions(label):
            if situation not in conditions:
                continue
            sounds = [heldout.condition(x.samples, situation, i) for i, x in enumerate(items)]
            began = time.process_time()
            heard = [scoring.greedy(answer(s)) for s in sounds]
            spent = time.process_time() - began
            pairs = [(item.units, h) for item, h in zip(items, heard, strict=True)]
            record = {"model": name, "set": label, "condition": situation, **scoring.errors(pairs)}
            unseen = [p for p, item in zip(pairs, items, strict=True) if item.unseen]
            if len(unseen) < len(pairs):
                record["ser_unseen_sentences"] = scoring.errors(unseen)["ser"]
            record["rtf"] = round(spent / (sum(len(s) for s in sounds) / RATE), 4)
            yield record


def run(
    folder: Path,
    with_teachers: bool = False,
    sets: Sequence[str] = heldout.SETS,
    conditions: Sequence[str] = heldout.CONDITIONS,
) -> Iterator[dict[str, Any]]:
    """The exported model, and beside it the teachers if wanted."""
    listen = exported(folder)
    yield from measure(folder.name, lambda samples: listen(fbank(samples)), sets, conditions)
    if with_teachers:
        yield from measure("fsmn-charctc", teacher(), sets, conditions)
        yield from measure("whisper-ctc", whisper_head(), sets, conditions)
