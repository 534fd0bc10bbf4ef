"""Train the encoder: `python -m models.meaning.train OUT [--cache FILE]`, then `calibrate`.

All families are learned together over one hidden layer: positives of a family
against its own counter-examples, those of every other family, and ordinary
turns. Families of forbidden speech overlap (a sentence may be both 推诿 and
否定), so they are no counter-examples of each other. Each sentence is also
shown with 15 % of its syllables misheard.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

from models.meaning import gather
from models.meaning.gather import CARELESS, HELD_CALLS, ORDINARY_CALL, Row
from monitor.language.meaning.clauses import PLACES, Cutter, clues
from monitor.language.meaning.encoder import (
    EMBEDDED,
    GRAM_SCALE,
    GRAMS,
    SCALE,
    embedded,
    spelling_grams,
)

FORBIDDEN = (
    "推诿", "不耐烦", "贬低", "威胁", "否定", "争辩", "揭短", "泄密", "轻诺", "怀疑",
    "生硬", "敷衍", "教训", "俚语",
)  # fmt: skip
RARE = ("威胁上告", "威胁离网", "要找领导")
"""What customers of ordinary calls hardly ever say."""
TROUBLE = (*RARE, "客户不满", "客户催促", "客户要投诉", "客户不满意", "客户拒绝", "客户听不清")
"""What few customers of ordinary calls say: rules that hang on it must not hang on small talk."""
ANY = "*"
HIDDEN = 192
EPOCHS = 10
BATCH = 512
RATE = 4e-3
MOST_GRAMS = 120
CUT_EARLY = 1.2
"""A clause too many costs less than one too few: this is added to the cutter's bias."""


class Network(nn.Module):
    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(GRAMS, HIDDEN, mode="sum")
        nn.init.normal_(self.bag.weight, 0, 0.05)
        self.u = nn.Linear(EMBEDDED, HIDDEN)
        self.out = nn.Linear(HIDDEN, tasks)
        self.drop, self.drop_in = nn.Dropout(0.4), nn.Dropout(0.1)

    def forward(self, e: torch.Tensor, grams: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
        hidden = self.u(self.drop_in(e) * SCALE) + self.bag(grams, per_sample_weights=shown)
        return self.out(self.drop(torch.relu(hidden)))


def targets(rows: Sequence[Row], tasks: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and weights, float32 [rows, tasks]; weight 0: says nothing about this task."""
    party = {f.family: f.party for f in gather.families().values()}
    labels = np.zeros((len(rows), len(tasks)), np.float32)
    weights = np.zeros_like(labels)
    for at, row in enumerate(rows):
        forbidden = row.positive and (row.group in FORBIDDEN or row.group == CARELESS)
        for number, task in enumerate(tasks):
            if task == ANY:
                if row.party == "agent":
                    labels[at, number], weights[at, number] = float(forbidden), 1.0
            elif row.group == task:
                labels[at, number], weights[at, number] = float(row.positive), 1.0
            elif party[task] not in (row.party, None):
                continue
            elif task in FORBIDDEN:
                weights[at, number] = 0.0 if forbidden else 1.0
            elif row.group == ORDINARY_CALL:  # many of its turns may well be of the family
                weights[at, number] = 0.3 if task in RARE else 0.0
            else:
                weights[at, number] = 0.3 if row.positive else 0.1
    return labels, weights


class Data:
    """Rows as tensors; embeddings are kept in a file between runs."""

    def __init__(self, rows: Sequence[Row], cache: Path | None) -> None:
        known: dict[str, np.ndarray] = {}
        if cache is not None and cache.is_file():
            known = pickle.loads(cache.read_bytes())
        new = [t for t in dict.fromkeys(r.text for r in rows) if t not in known]
        for start in range(0, len(new), 512):
            part = new[start : start + 512]
            known.update(zip(part, embedded(part), strict=True))
        if cache is not None and new:
            cache.write_bytes(pickle.dumps(known))
        self.e = torch.from_numpy(np.stack([known[r.text] for r in rows]).astype(np.float32))
        # Padded to one length; what is padded weighs nothing.
        self.grams = np.zeros((len(rows), MOST_GRAMS), np.int64)
        self.shown = np.zeros((len(rows), MOST_GRAMS), np.float32)
        for number, row in enumerate(rows):
            grams = spelling_grams(row.text)
            some = grams[:: -(-len(grams) // MOST_GRAMS)]
            self.grams[number, : len(some)] = some
            self.shown[number, : len(some)] = GRAM_SCALE / len(some) ** 0.5

    def batch(self, which: np.ndarray, drop: float = 0.0) -> tuple[torch.Tensor, ...]:
        shown = torch.from_numpy(self.shown[which])
        if drop:
            shown = shown * (torch.rand(shown.shape) > drop)
        return self.e[which], torch.from_numpy(self.grams[which]), shown


def train(data: Data, labels: np.ndarray, weights: np.ndarray, chosen: np.ndarray) -> Network:
    torch.manual_seed(0)
    network = Network(labels.shape[1])
    dense = [*network.u.parameters(), *network.out.parameters()]
    optimiser = torch.optim.AdamW(
        [
            {"params": network.bag.parameters(), "weight_decay": 1e-5},
            {"params": dense, "weight_decay": 1e-3},
        ],
        lr=RATE,
    )
    wanted, weight = torch.from_numpy(labels), torch.from_numpy(weights)
    positive = (wanted * weight)[chosen].sum(0).clamp(min=1)
    negative = ((1 - wanted) * weight)[chosen].sum(0)
    favour = (negative / positive).clamp(1, 20) ** 0.5
    loss = nn.functional.binary_cross_entropy_with_logits
    for epoch in range(EPOCHS):
        click.echo(f"epoch {epoch}")
        network.train()
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - epoch / EPOCHS)
        order = np.random.default_rng(epoch).permutation(chosen)
        for start in range(0, len(order), BATCH):
            which = order[start : start + BATCH]
            y = wanted[which]
            emphasis = weight[which] * (1 + y * (favour - 1))
            z = network(*data.batch(which, drop=0.1))
            total = (loss(z, y, reduction="none") * emphasis).sum() / len(which)
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
    return network.eval()


def scores(network: Network, data: Data, which: np.ndarray) -> np.ndarray:
    """Logits, float32 [len(which), tasks]."""
    with torch.no_grad():
        return np.concatenate(
            [network(*data.batch(which[s : s + 512])).numpy() for s in range(0, len(which), 512)]
        )


def train_cutter() -> Cutter:
    """Where people put punctuation, from the two characters on either side."""
    torch.manual_seed(0)
    places, labels = [], []
    for text in gather.punctuated():
        pieces = gather.clauses(text)
        whole = "".join(pieces)
        ends = set(np.cumsum([len(piece) for piece in pieces]))
        for at in range(1, len(whole)):
            places.append(clues(whole[:at], whole[at:]))
            labels.append(float(at in ends))
    x, y = torch.tensor(places), torch.tensor(labels)
    weights = nn.EmbeddingBag(PLACES, 1, mode="sum")
    nn.init.zeros_(weights.weight)
    bias = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([*weights.parameters(), bias], lr=0.03)
    for epoch in range(4):
        order = np.random.default_rng(epoch).permutation(len(y))
        for start in range(0, len(order), 2048):
            which = order[start : start + 2048]
            z = weights(x[which])[:, 0] + bias
            total = nn.functional.binary_cross_entropy_with_logits(z, y[which])
            total = total + 1e-5 * (weights.weight**2).sum()
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
    learned = weights.weight.detach().numpy()[:, 0].astype(np.float16).astype(np.float32)
    return Cutter(learned, round(float(bias.detach()) + CUT_EARLY, 4))


def _save(
    out: Path, network: Network, cutter: Cutter, tasks: Sequence[str], held: np.ndarray
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    np.savez(
        out / "trained.npz",
        u=network.u.weight.detach().numpy().T,
        bias=network.u.bias.detach().numpy(),
        bag=network.bag.weight.detach().numpy(),
        heads=network.out.weight.detach().numpy().T,
        head_bias=network.out.bias.detach().numpy(),
        cutter=cutter.weights,
        cutter_bias=cutter.bias,
        tasks=np.array(tasks),
        held=held,
    )


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--cache", type=click.Path(path_type=Path), help="Keep embeddings here.")
def main(out: Path, cache: Path | None) -> None:
    torch.set_num_threads(1)
    cutter = train_cutter()
    rows = gather.rows(cutter)
    tasks = [*gather.families(), ANY]
    click.echo(f"{len(rows)} rows, {len(tasks)} tasks")
    data = Data(rows, cache)
    labels, weights = targets(rows, tasks)
    # One quarter of the examples and half of the ordinary calls are held out to choose
    # thresholds by; what is shipped has then seen them too.
    held_out = np.array([row.fold in (0, HELD_CALLS) for row in rows])
    network = train(data, labels, weights, np.where(~held_out)[0])
    held = np.full((len(rows), len(tasks)), np.nan, np.float32)
    held[held_out] = scores(network, data, np.where(held_out)[0])
    _save(out, network, cutter, tasks, held)
    click.echo("held out: scored")
    network = train(data, labels, weights, np.arange(len(rows)))
    _save(out, network, cutter, tasks, held)
    click.echo(f"→ {out}; now `python -m models.meaning.calibrate {out}`")


if __name__ == "__main__":
    main()
