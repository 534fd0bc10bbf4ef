"""A CTC head on Whisper's encoder: syllable posteriors, 50 a second, of speech it never heard.

    python -m models.training head

trains it on the encoded shards and writes `models/whisper-ctc`: weights (float16), tokens and a
description. Beside being an engine's network it is the student's teacher (`teacher.py`).
"""

from __future__ import annotations

import copy
import json
import time
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training import heldout, paths, scoring, units, whisper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DEV = (
    ("commonvoice", "16k"),
    ("commonvoice", "8k-alaw"),
    ("natural", "16k"),
    ("natural", "8k-alaw"),
    ("aishell", "8k-alaw"),
)
FILE = "head.npz"
VERSION = "0.1"


@dataclass(frozen=True)
class HeadRecipe:
    """How the head is trained."""

    hidden: int = 512
    passes: int = 7
    batch: int = 12  # windows
    peak: float = 1e-3
    dropout: float = 0.2
    decay: float = 0.02
    average: float = 0.998
    seed: int = 1


class Head(nn.Module):
    """[B, T, 512] → scores [B, T, units]: norm, two linear layers, a GELU between them."""

    def __init__(self, hidden: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(whisper.WIDTH)
        self.inner = nn.Linear(whisper.WIDTH, hidden)
        self.outer = nn.Linear(hidden, units.size())
        self.drop = nn.Dropout(dropout)

    def forward(self, frames: Tensor) -> Tensor:
        """Scores before the softmax."""
        inner = functional.gelu(self.inner(self.drop(self.norm(frames))), approximate="tanh")
        scores: Tensor = self.outer(self.drop(inner))
        return scores


@dataclass(frozen=True)
class Window:
    """Where one encoded window lies, and what is said in it."""

    shard: Path
    rows: slice
    label: tuple[int, ...]


def shards(folder: Path) -> list[Window]:
    """All encoded windows."""
    found = []
    for path in sorted(folder.glob("*.json")):
        at = 0
        for entry in json.loads(path.read_text(encoding="utf-8")):
            rows = slice(at, at + entry["rows"])
            found.append(Window(path, rows, tuple(entry["label"])))
            at += entry["rows"]
    return found


def batches(
    pool: Sequence[Window], size: int, rng: np.random.Generator
) -> Iterator[tuple[Tensor, list[int], list[tuple[int, ...]]]]:
    """Windows of like length together: frames [B, T, 512], lengths, labels."""
    opened: dict[Path, Any] = {}
    length = [w.rows.stop - w.rows.start + rng.uniform(0, 80) for w in pool]
    order = np.argsort(length)
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    for number in rng.permutation(len(groups)):
        chosen = [pool[int(i)] for i in groups[int(number)]]
        lengths = [w.rows.stop - w.rows.start for w in chosen]
        frames = np.zeros((len(chosen), max(lengths), whisper.WIDTH), np.float32)
        for row, window in enumerate(chosen):
            if window.shard not in opened:
                opened[window.shard] = np.load(window.shard.with_suffix(".enc.npy"), mmap_mode="r")
            frames[row, : lengths[row]] = opened[window.shard][window.rows]
        yield torch.from_numpy(frames), lengths, [w.label for w in chosen]


def mask(frames: Tensor, rng: np.random.Generator) -> Tensor:
    """Short stretches and bands of channels silenced: the head must not lean on a few of them."""
    frames = frames.clone()
    for _ in range(2):
        at, wide = int(rng.integers(frames.shape[1])), int(rng.integers(0, 12))
        frames[:, at : at + wide] = 0
    return frames


def dev_frames(name: str, situation: str) -> list[Floats]:
    """The encoded development clips, each a window of its own; kept in the cache folder."""
    items = heldout.items(name)
    made_of = zlib.crc32(repr([(i.text, len(i.samples)) for i in items]).encode())
    file = paths.cache() / "encoded-dev" / f"{name}-{situation}-{made_of:08x}.npz"
    if not file.exists():
        frames = [
            whisper.encode(whisper.level(heldout.condition(item.samples, situation, number)))
            for number, item in enumerate(items)
        ]
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.npz")
        np.savez(
            part,
            frames=np.concatenate(frames).astype(np.float16),
            ends=np.cumsum([len(f) for f in frames]),
        )
        part.replace(file)
    with np.load(file) as stored:
        whole = stored["frames"].astype(np.float32)
        return np.split(whole, stored["ends"][:-1])


@torch.no_grad()
def measure(head: Head, encoded: dict[tuple[str, str], list[Floats]]) -> dict[str, list[float]]:
    """Syllable errors, greedy: total, other, missing, added."""
    head = copy.deepcopy(head).eval()
    report = {}
    for (name, situation), frames in encoded.items():
        pairs = [
            (item.units, scoring.greedy(head(torch.from_numpy(f[None]))[0].numpy()))
            for item, f in zip(heldout.items(name), frames, strict=True)
        ]
        found = scoring.errors(pairs)
        report[f"{name}/{situation}"] = [found[k] for k in ("ser", "sub", "del", "ins")]
    return report


def train(recipe: HeadRecipe, out: Path, start: Path | None = None) -> Iterator[dict[str, Any]]:
    """Train on all shards there are; one record per pass, the weights' average to `out`.

    `start` is the folder of a head to go on from.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    head = Head(recipe.hidden, recipe.dropout)
    if start is not None:
        head.load_state_dict(read(start).state_dict())
    mean = copy.deepcopy(head)
    optimiser = torch.optim.AdamW(
        head.parameters(), lr=recipe.peak, betas=(0.9, 0.98), weight_decay=recipe.decay
    )
    pool = shards(whisper.folder())
    encoded = {key: dev_frames(*key) for key in DEV}
    total = recipe.passes * -(-len(pool) // recipe.batch)
    step = 0
    for number in range(recipe.passes):
        began, losses = time.monotonic(), []
        for frames, lengths, labels in batches(pool, recipe.batch, rng):
            rate = recipe.peak * min(1.0, (step + 1) / 100) * (1 - step / total)
            for group in optimiser.param_groups:
                group["lr"] = rate
            with torch.autocast("cpu", torch.bfloat16):
                scores = head(mask(frames, rng))
            loss = functional.ctc_loss(
                functional.log_softmax(scores.float(), -1).transpose(0, 1),
                torch.tensor([u for label in labels for u in label]),
                torch.tensor(lengths),
                torch.tensor([len(label) for label in labels]),
                reduction="sum",
                zero_infinity=True,
            ) / sum(len(label) for label in labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(head.parameters(), 2.0)
            optimiser.step()
            step += 1
            keep = min(recipe.average, (1 + step) / (20 + step))
            with torch.no_grad():
                for ours, theirs in zip(mean.parameters(), head.parameters(), strict=True):
                    ours.lerp_(theirs, 1 - keep)
            losses.append(loss.item())
        write(mean, recipe, out)
        yield {
            "pass": number + 1,
            "windows": len(pool),
            "loss": round(float(np.mean(losses)), 4),
            "minutes": round((time.monotonic() - began) / 60, 2),
            **measure(mean, encoded),
        }


def write(head: Head, recipe: HeadRecipe, out: Path) -> None:
    """The model folder: `head.npz`, `tokens.txt`, `model.json`."""
    out.mkdir(parents=True, exist_ok=True)
    state = {k: v.numpy().astype(np.float16) for k, v in head.state_dict().items()}
    np.savez(out / FILE, **state)
    tokens = ["<blank>", *units.syllables()]
    (out / "tokens.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    facts = {
        "name": "whisper-ctc",
        "version": VERSION,
        "licence": "Apache-2.0; see CARD.md",
        "file": FILE,
        "encoder": "whisper-base",
        "encoder_sha256": _digest(),
        "sample_rate": 16000,
        "frame_ms": 20,
        "loudness": whisper.LOUDNESS,
        "pause_ms": whisper.PAUSE * 1000 // 16000,
        "window_s": list(whisper.WINDOWS_S),
        "norm_epsilon": head.norm.eps,
        "activation": "gelu-tanh",
        "units": {"file": "tokens.txt", "kind": "syllable", "blank": 0},
        "recipe": asdict(recipe),
    }
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    (out / "model.json").write_text(text + "\n", encoding="utf-8")


def _digest() -> str:
    from models.training.registry import WHISPER

    return WHISPER["model.bin"]


def read(folder: Path) -> Head:
    """A stored head."""
    with np.load(folder / FILE) as stored:
        state = {k: torch.from_numpy(stored[k].astype(np.float32)) for k in stored.files}
    head = Head(len(state["inner.bias"]))
    head.load_state_dict(state)
    return head.eval()
