"""The training loop: soft targets and CTC, a learning rate that ends with the budget, averaging."""

from __future__ import annotations

import copy
import json
import os
import queue
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.training import batches, heldout, scoring, units
from models.training.features import stack
from models.training.network import Network, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Report = dict[str, float]


@dataclass(frozen=True)
class Recipe:
    """How to train. The run ends when either `hours` or `passes` (if not 0) is reached."""

    hours: float = 2.0
    passes: int = 0
    rows: int = 14  # per step, of 512 frames each
    peak: float = 2e-3
    matrices: float = 2.0  # Muon's rate in terms of AdamW's
    warmup: int = 80
    decay: float = 0.05
    soft: float = 1.0  # weight of the soft targets, whose times jitter …
    ctc: float = 0.4  # … and of CTC, which asks for no times
    spoken: float = 1.5  # extra weight of frames that carry a syllable, against deletions
    average: float = 0.999
    seed: int = 1
    save_every_s: float = 240.0
    measure_every_s: float = 600.0  # at the end of a pass, and at the end of training
    threads: int = 0  # replicas on a CPU; 0: one per core that may be used


def loss_of(
    scores: Tensor, batch: batches.Batch, recipe: Recipe
) -> tuple[Tensor, dict[str, float]]:
    """Mean loss per frame: cross-entropy to the soft targets plus `ctc` times CTC."""
    logp = functional.log_softmax(scores.float(), -1)
    device = logp.device
    target = torch.from_numpy(batch.target).to(device)
    weight = torch.from_numpy(batch.weight).to(device)
    known = weight.sum(-1)
    silent = (weight * (target == units.BLANK)).sum(-1)
    emphasis = known * (1.0 + recipe.spoken * (known - silent))
    soft = -((logp.gather(-1, target) * weight).sum(-1) * emphasis).sum() / emphasis.sum()
    frames = known.sum()
    labelled = [i for i, label in enumerate(batch.labels) if label]
    if not labelled or recipe.ctc == 0:
        return soft, {"soft": soft.item(), "ctc": 0.0}
    ctc = functional.ctc_loss(
        logp[labelled].transpose(0, 1),
        torch.tensor([u for i in labelled for u in batch.labels[i] or ()], device=device),
        torch.tensor([batch.lengths[i] for i in labelled], device=device),
        torch.tensor([len(batch.labels[i] or ()) for i in labelled], device=device),
        reduction="sum",
        zero_infinity=True,
    )
    ctc = ctc / (frames * len(labelled) / len(batch.labels))
    return recipe.soft * soft + recipe.ctc * ctc, {"soft": soft.item(), "ctc": ctc.item()}


class Trainer:
    """Master weights in float32, bfloat16 replicas that compute, and a running average.

    On a CPU there is one replica per core, each on one thread, taking two rows after two rows until
    the batch is done: the cores meet once per step instead of once per operation, which matters
    when other work shares the machine.
    """

    def __init__(self, settings: Settings, recipe: Recipe, device: str) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = device
        cores = recipe.threads or len(os.sched_getaffinity(0))
        count = 1 if device != "cpu" else max(1, min(recipe.rows, cores))
        if device == "cpu":
            torch.set_num_threads(1)
        self.pool = ThreadPoolExecutor(count)
        self.master = Network(settings).to(device)
        self.average = copy.deepcopy(self.master)
        self.replicas = [copy.deepcopy(self.master).to(torch.bfloat16) for _ in range(count)]
        matrices = [p for n, p in self.master.named_parameters() if _is_matrix(n, p)]
        others = [p for n, p in self.master.named_parameters() if not _is_matrix(n, p)]
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(
                matrices[share::2],
                lr=recipe.peak,
                weight_decay=recipe.decay,
                adjust_lr_fn="match_rms_adamw",
            )
            for share in range(2)
        ]
        self.optimisers.append(
            torch.optim.AdamW(others, lr=recipe.peak, betas=(0.9, 0.98), weight_decay=0.01)
        )
        self.step = 0
        self.epoch = 0
        self.elapsed = 0.0

    def prepare(self, folder: Path) -> None:
        """Take the features' statistics from the shards."""
        mean, deviation = batches.statistics(folder)
        self.master.set_statistics(torch.from_numpy(mean), torch.from_numpy(deviation))
        self.average.load_state_dict(self.master.state_dict())
        self._refresh()

    def begin_with(self, network: Network) -> None:
        """Take over weights and statistics of a trained network of the same shape."""
        self.master.load_state_dict(network.state_dict())
        self.average.load_state_dict(network.state_dict())
        self._refresh()

    @torch.no_grad()
    def _refresh(self) -> None:
        for replica in self.replicas:
            for mine, theirs in zip(replica.parameters(), self.master.parameters(), strict=True):
                mine.copy_(theirs)

    def _work(self, replica: Network, waiting: queue.SimpleQueue[batches.Batch]) -> list[Report]:
        """Forward and backward of one replica, part after part, until none is waiting."""
        reports: list[Report] = []
        while True:
            try:
                part = waiting.get_nowait()
            except queue.Empty:
                return reports
            speech = torch.from_numpy(part.speech).to(self.device)
            normal = self.master.normalise(speech).to(replica.enter.weight.dtype)
            scores, _ = replica.logits(normal, replica.start(len(normal)))
            loss, report = loss_of(scores, part, self.recipe)
            share = len(part.lengths) / self.recipe.rows
            (loss * share).backward()  # type: ignore[no-untyped-call]
            reports.append({k: v * share for k, v in {"loss": loss.item(), **report}.items()})

    def train_step(self, batch: batches.Batch, rate: float) -> Report:
        """One update; returns the losses and the gradient's norm."""
        size = len(batch.lengths) if len(self.replicas) == 1 else 2  # rows per part
        waiting: queue.SimpleQueue[batches.Batch] = queue.SimpleQueue()
        for start in range(0, len(batch.lengths), size):
            waiting.put(batch.rows(slice(start, start + size)))
        busy = [self.pool.submit(self._work, replica, waiting) for replica in self.replicas]
        reports = [report for future in busy for report in future.result()]
        for theirs, *mine in zip(
            self.master.parameters(), *(r.parameters() for r in self.replicas), strict=True
        ):
            parts = [m.grad.float() for m in mine if m.grad is not None]
            theirs.grad = torch.stack(parts).sum(0) if parts else None
            for m in mine:
                m.grad = None
        norm = torch.nn.utils.clip_grad_norm_(self.master.parameters(), 1.0)
        if torch.isfinite(norm):
            for optimiser in self.optimisers:
                factor = self.recipe.matrices if isinstance(optimiser, torch.optim.Muon) else 1.0
                for group in optimiser.param_groups:
                    group["lr"] = rate * factor
            list(self.pool.map(lambda optimiser: optimiser.step(), self.optimisers))
        self.step += 1
        keep = min(self.recipe.average, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.master.parameters(), strict=True):
                mean.lerp_(now, 1 - keep)
        self._refresh()
        totals = {key: sum(r[key] for r in reports) for key in reports[0]}
        return {**totals, "norm": float(norm)}

    def rate(self, progress: float) -> float:
        """Linear warm-up by steps, then linear decay to zero at progress 1."""
        warm = min(1.0, (self.step + 1) / self.recipe.warmup)
        return self.recipe.peak * warm * max(0.0, 1.0 - progress)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later."""
        return {
            "settings": self.master.settings.as_dict(),
            "master": self.master.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [o.state_dict() for o in self.optimisers],
            "step": self.step,
            "epoch": self.epoch,
            "elapsed": self.elapsed,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a checkpoint stopped."""
        self.master.load_state_dict(state["master"])
        self.average.load_state_dict(state["average"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.epoch, self.elapsed = state["step"], state["epoch"], state["elapsed"]
        self._refresh()


def _is_matrix(name: str, parameter: Tensor) -> bool:
    """Muon turns the hidden matrices; first, last and vector parameters go to AdamW."""
    return parameter.ndim == 2 and name.startswith("blocks.")


def save(state: dict[str, Any], path: Path) -> None:
    """Atomically."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def recognise(
    network: Network, feats: list[NDArray[np.float32]], device: str, size: int = 24
) -> list[NDArray[np.float32]]:
    """Log-probabilities [T, units] of each filterbank, the delay already taken off."""
    delay = network.settings.delay
    order = sorted(range(len(feats)), key=lambda i: len(feats[i]))
    out: list[NDArray[np.float32]] = [np.zeros(0, np.float32)] * len(feats)

    @torch.no_grad()
    def answer(group: list[int]) -> None:
        stacked = [stack(feats[i]) for i in group]
        longest = max(len(s) for s in stacked) + delay
        speech = np.stack(
            [np.pad(s, ((0, longest - len(s)), (0, 0)), mode="edge") for s in stacked]
        )
        logp, _ = network(torch.from_numpy(speech).to(device), network.start(len(group)))
        for row, i in enumerate(group):
            out[i] = logp[row, delay : delay + len(stacked[row])].cpu().numpy()

    with ThreadPoolExecutor(2 if device == "cpu" else 1) as pool:
        list(pool.map(answer, [order[i : i + size] for i in range(0, len(order), size)]))
    return out


def development(trainer: Trainer) -> dict[str, Any]:
    """Syllable errors of the averaged weights on the held-out sets."""
    network = copy.deepcopy(trainer.average)
    report: dict[str, Any] = {}
    for name, situation in (
        ("commonvoice", "16k"),
        ("natural", "8k-alaw"),
        ("bundled-calls", "16k"),
    ):
        logp = recognise(network, list(heldout.features(name, situation)), trainer.device)
        items = heldout.items(name)
        pairs = [(item.units, scoring.greedy(p)) for item, p in zip(items, logp, strict=True)]
        result = scoring.errors(pairs)
        report[f"{name}/{situation}"] = [result[k] for k in ("ser", "sub", "del", "ins")]
    return report


def run(
    recipe: Recipe,
    settings: Settings,
    folder: Path,
    checkpoints: Path,
    device: str,
    log: Callable[[dict[str, Any]], None],
    start: Network | None = None,
) -> Trainer:
    """Train until the budget is used, resuming from `checkpoints/last.pt` where it exists.

    Without a checkpoint the weights begin with those of `start`, or at random.
    """
    checkpoints.mkdir(parents=True, exist_ok=True)
    last = checkpoints / "last.pt"
    trainer = Trainer(settings, recipe, device)
    trainer.prepare(folder)
    if last.exists():
        trainer.restore(torch.load(last, map_location=device, weights_only=True))
    elif start is not None:
        trainer.begin_with(start)
    began = saved = measured = time.monotonic()
    before = trainer.elapsed
    mean = trainer.master.mean[:80].cpu().numpy()
    while True:
        sums: dict[str, float] = {}
        count = 0
        started = time.monotonic()
        progress = rate = 0.0
        stream = batches.epoch(
            folder, mean, recipe.rows, settings.delay, (recipe.seed, trainer.step)
        )
        for batch in stream:
            trainer.elapsed = before + time.monotonic() - began
            progress = trainer.elapsed / (recipe.hours * 3600)
            if recipe.passes:
                progress = trainer.epoch / recipe.passes + count / 1e9
            if progress >= 1:
                break
            rate = trainer.rate(progress)
            parts = trainer.train_step(batch, rate)
            count += 1
            for key, value in parts.items():
                sums[key] = sums.get(key, 0.0) + value
            if trainer.step % 50 == 0:
                log(
                    {
                        "step": trainer.step,
                        "rate": round(rate, 6),
                        **{k: round(v, 4) for k, v in parts.items()},
                    }
                )
            if time.monotonic() - saved > recipe.save_every_s:
                save(trainer.state(), last)
                saved = time.monotonic()
        trainer.epoch += 1
        save(trainer.state(), last)
        done = progress >= 1 or (recipe.passes > 0 and trainer.epoch >= recipe.passes)
        measuring = done or time.monotonic() - measured > recipe.measure_every_s
        log(
            {
                "epoch": trainer.epoch,
                "step": trainer.step,
                "hours": round(trainer.elapsed / 3600, 3),
                "step_s": round((time.monotonic() - started) / max(count, 1), 3),
                "rate": round(rate, 6),
                **{k: round(v / max(count, 1), 4) for k, v in sums.items()},
                **(development(trainer) if measuring else {}),
            }
        )
        if measuring:
            measured = time.monotonic()
        if done:
            return trainer


def device_name() -> str:
    """`cuda` where there is one, or what `MONITOR_TRAIN_DEVICE` says."""
    return os.environ.get("MONITOR_TRAIN_DEVICE", "cuda" if torch.cuda.is_available() else "cpu")


def to_line(record: dict[str, Any]) -> str:
    """One JSON line."""
    return json.dumps(record, ensure_ascii=False)
