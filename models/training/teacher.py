"""What a teacher says, as posteriors over our syllables.

Teachers (see the model card) only label; none of their weights reach the student. The first is a
small FSMN, whose posteriors over characters are summed into syllables; the better one is the
encoder of Whisper base with our head. Where a transcript is known they are also constrained to it:
the CTC forward-backward occupation `gamma` of every frame, i.e. the teacher's alignment of the
right answer, so that the student learns *when* from the teacher and *what* from the transcript.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from models.training import units
from models.training.features import WIDTH, stack

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

TOP = 6  # syllables kept per frame; the rest of the mass is renormalised away
SHIFT_MS = 130.0  # the head speaks so much earlier than what the student first learnt from
FLOOR = 1e-4  # mixed into the teacher before aligning, so that no transcript is impossible


def read_mvn(path: Path) -> tuple[Floats, Floats]:
    """Shift and rescale vectors of a Kaldi `am.mvn` text file."""
    rows = [
        np.array(line[line.index("[") + 1 : line.rindex("]")].split(), np.float32)
        for line in path.read_text(encoding="utf-8").splitlines()
        if "[" in line and len(line) > 100
    ]
    shift, rescale = rows
    return shift, rescale


def reading_matrix(tokens: list[str]) -> Floats:
    """[characters, units]: share of each reading of a character in jieba's word frequencies."""
    import jieba
    from pypinyin import lazy_pinyin

    jieba.setLogLevel(60)
    jieba.initialize()
    table = units.index()
    row = {t: i for i, t in enumerate(tokens) if len(t) == 1 and "\u4e00" <= t <= "\u9fff"}
    matrix = np.zeros((len(tokens), units.size()), np.float32)
    for word, freq in jieba.dt.FREQ.items():
        if freq < 3 or not all(c in row for c in word):
            continue
        for char, syllable in zip(word, lazy_pinyin(word), strict=True):
            if syllable in table:
                matrix[row[char], table[syllable]] += freq
    for char, number in row.items():
        if matrix[number].sum() == 0:
            matrix[number, table[lazy_pinyin(char)[0]]] = 1.0
    matrix /= np.maximum(matrix.sum(1, keepdims=True), 1e-9)
    others = np.setdiff1d(np.arange(len(tokens)), list(row.values()))
    matrix[others, units.BLANK] = 1.0  # blank, <unk> and the few Latin pieces
    return matrix


class Teacher:
    """The FSMN model of `shared/models/fsmn-charctc`."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = ort.InferenceSession(str(folder / "model.onnx"), options)
        self._shift, self._rescale = read_mvn(folder / "am.mvn")
        tokens = (folder / "tokens.txt").read_text(encoding="utf-8").split("\n")
        self._readings = reading_matrix([t for t in tokens if t])

    def posteriors(self, frames: Floats) -> Floats:
        """[T10, 80] filterbank → syllable posteriors [T, units], T = ceil(T10 / 3)."""
        speech = ((stack(frames) + self._shift) * self._rescale).reshape(1, -1, WIDTH)
        (logits,) = self._session.run(None, {"speech": speech.astype(np.float32)})
        logits = logits[0] - logits[0].max(-1, keepdims=True)
        characters = np.exp(logits)
        characters /= characters.sum(-1, keepdims=True)
        return np.asarray(characters[:, : len(self._readings)] @ self._readings, np.float32)


class Listener:
    """Whisper's encoder and our head (`models/whisper-ctc`), at the student's frames."""

    def __init__(self, folder: Path) -> None:
        from models.training import head

        self._head = head.read(folder)

    def posteriors(self, samples: Floats, rows: int) -> Floats:
        """16 kHz samples → syllable posteriors [rows, units], one row per 30 ms."""
        import torch

        from models.training import whisper

        with torch.no_grad():
            scores = self._head(torch.from_numpy(whisper.encode(whisper.level(samples)))[None])
            fine = torch.softmax(scores[0], -1).numpy()
        return coarser(fine, rows)


def coarser(fine: Floats, rows: int, shift_ms: float = SHIFT_MS) -> Floats:
    """Posteriors every 20 ms → every 30 ms. A spike is one frame wide and must not be blurred.

    Every fine frame belongs to the row that holds its middle; a row of two takes the larger of
    each syllable and leaves the blank what remains.
    """
    middle = np.arange(len(fine)) * 20.0 + 10.0 + shift_ms
    place = np.clip((middle // 30.0).astype(int), 0, rows - 1)
    made = np.zeros((rows, fine.shape[1]), np.float32)
    np.maximum.at(made, place, fine)
    spoken = np.delete(made, units.BLANK, axis=1).sum(1)
    made[:, units.BLANK] = np.maximum(0.0, 1.0 - spoken)
    made /= made.sum(1, keepdims=True)
    return made


def align(posteriors: Floats, label: list[int]) -> Floats | None:
    """Occupation [T, units] of a transcript under the posteriors; None where it cannot fit.

    PyTorch's CTC gradient with respect to log-softmax inputs is `exp(logp) - gamma`.
    """
    import torch

    repeats = sum(a == b for a, b in pairwise(label))
    if len(label) + repeats > len(posteriors):
        return None
    soft = np.sqrt(posteriors) + FLOOR  # a softened teacher lets the transcript overrule it
    soft /= soft.sum(-1, keepdims=True)
    logp = torch.from_numpy(np.log(soft))[:, None].requires_grad_()
    loss = torch.nn.functional.ctc_loss(
        logp,
        torch.tensor([label]),
        torch.tensor([len(soft)]),
        torch.tensor([len(label)]),
        reduction="sum",
    )
    if not torch.isfinite(loss):
        return None
    (gradient,) = torch.autograd.grad(loss, logp)
    return np.asarray(np.clip(soft - gradient[:, 0].numpy(), 0.0, 1.0), np.float32)


def sparse(target: Floats) -> tuple[NDArray[np.uint16], NDArray[np.float16]]:
    """The `TOP` largest entries per frame, renormalised: indices and weights [T, TOP]."""
    best = np.argpartition(-target, TOP, axis=-1)[:, :TOP]
    weight = np.take_along_axis(target, best, -1)
    weight /= np.maximum(weight.sum(-1, keepdims=True), 1e-9)
    return best.astype(np.uint16), weight.astype(np.float16)
