"""Thresholds and figures from held-out scores: `python -m models.meaning.calibrate RUN`.

Writes what is shipped – encoder.npz, heads.npz and families.yaml – beside this file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, replace
from math import sqrt
from pathlib import Path
from typing import Any

import click
import numpy as np

from models.meaning import gather
from models.meaning.gather import HELD_CALLS, ORDINARY_CALL, Row
from models.meaning.train import FORBIDDEN, TROUBLE
from monitor.events import Party
from monitor.language.meaning.clauses import Cutter
from monitor.language.meaning.encoder import Encoder
from monitor.language.meaning.heads import choose, family_digest, platt, unit
from monitor.rules.language.like import LikeFamily

HERE = Path(__file__).parent
KEPT_ORDINARY = 3000
TROUBLE_SHARE = 0.004
"""Of ordinary customers' turns, so many may be taken for trouble."""


def interval(right: int, of: int) -> list[float]:
    """Wilson's 95 % interval of a proportion."""
    if not of:
        return [0.0, 1.0]
    z, p = 1.959964, right / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return [round(max(0.0, middle - half), 3), round(min(1.0, middle + half), 3)]


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path))
def main(run: Path) -> None:
    with np.load(run / "trained.npz") as data:
        trained = {name: data[name] for name in data.files}
    cutter = Cutter(trained["cutter"].astype(np.float32), float(trained["cutter_bias"]))
    packed = {
        "u": trained["u"].astype(np.float16),
        "bag": trained["bag"].astype(np.float16),
        "bias": trained["bias"].astype(np.float16),
        "cutter": cutter.weights.astype(np.float16),
        "cutter_bias": np.float32(cutter.bias),
    }
    version = hashlib.sha256(b"".join(a.tobytes() for a in packed.values())).hexdigest()[:12]
    np.savez_compressed(HERE / "encoder.npz", **packed, version=np.array(version))
    encoder = Encoder(
        *(packed[name].astype(np.float32) for name in ("u", "bag", "bias")), cutter, version
    )
    rows = gather.rows(cutter)
    tasks = [str(task) for task in trained["tasks"]]
    families = gather.families()
    found = [
        _family(rows, trained, tasks.index(name), family, encoder)
        for name, family in families.items()
    ]
    _write(found, encoder, rows)
    lines = [
        "# Made by models.meaning.calibrate; see CARD.md for what the columns say.",
        f"encoder: {version}",
        "families:",
    ]
    for _, figures in found:
        shown = ", ".join(f"{key}: {value}" for key, value in figures.items())
        lines.append(f"- {{{shown}}}")
        click.echo(shown)
    (HERE / "families.yaml").write_text("\n".join(lines) + "\n", "utf-8")


def _family(
    rows: Sequence[Row],
    trained: dict[str, np.ndarray],
    task: int,
    family: LikeFamily,
    encoder: Encoder,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The head of a family, and its figures."""
    name, party = family.family, family.party or Party.AGENT
    logits = trained["held"][:, task]

    def held(positive: bool, misheard: bool) -> np.ndarray:
        return logits[
            [
                at
                for at, row in enumerate(rows)
                if row.group == name
                and row.positive is positive
                and row.misheard is misheard
                and row.fold == 0
            ]
        ]

    ordinary = logits[
        [
            at
            for at, row in enumerate(rows)
            if row.group == ORDINARY_CALL and row.fold == HELD_CALLS and row.party is party
        ]
    ]
    whole = gather.short_turns()
    short = logits[
        [
            at
            for at, row in enumerate(rows)
            if row.group == ORDINARY_CALL and row.fold == HELD_CALLS and row.text in whole
        ]
    ]
    right, wrong = held(True, False), held(False, False)
    noisy, noisy_wrong = held(True, True), held(False, True)
    counts = name in FORBIDDEN
    scale, shift = platt(right, wrong)
    limits = choose(np.concatenate([wrong, noisy_wrong]), (ordinary, short) if counts else None)
    if name in TROUBLE:
        rare = float(np.quantile(ordinary, 1 - TROUBLE_SHARE))
        limits = replace(limits, said=round(max(limits.said, rare), 3))
    examples = tuple(dict.fromkeys(map(gather.plain, family.examples)))
    counter = tuple(dict.fromkeys(map(gather.plain, family.not_)))
    head = {
        "digest": family_digest(encoder.version, examples, counter),
        "weights": trained["heads"][:, task].astype(np.float32),
        "bias": float(trained["head_bias"][task]),
        "scale": scale,
        "shift": shift,
        "thresholds": list(astuple(limits)),
        "examples": examples,
    }
    limit = limits.short_likely if counts else limits.said
    surely = limits.short_sure if counts else limits.sure
    true, false = int((right > limit).sum()), int((wrong > limit).sum())
    figures: dict[str, Any] = {
        "family": name,
        "found": _share(right, limit),
        "found_misheard": _share(noisy, limit),
        "found_surely": _share(right, surely),
        "precision": round(true / max(1, true + false), 3),
        "interval": interval(true, true + false),
        "held_out": len(right) + len(wrong),
    }
    if counts:
        figures["ordinary_likely"] = int((ordinary > limits.likely).sum())
        figures["ordinary_surely"] = int((ordinary > limits.sure).sum())
        figures["ordinary"] = len(ordinary)
        figures["short_likely"] = int((short > limit).sum())
        figures["short_surely"] = int((short > surely).sum())
        figures["short"] = len(short)
    return head, figures


def _share(logits: np.ndarray, limit: float) -> float:
    return round(float((logits > limit).mean()), 3) if len(logits) else 0.0


def _write(
    found: Sequence[tuple[dict[str, Any], dict[str, Any]]], encoder: Encoder, rows: Sequence[Row]
) -> None:
    heads = [head for head, _ in found]
    spoken = [r.text for r in rows if r.group == ORDINARY_CALL and r.party is Party.AGENT]
    chosen = np.random.default_rng(0).permutation(len(spoken))[:KEPT_ORDINARY]
    kept = [spoken[at] for at in sorted(chosen)]
    whole = gather.short_turns()
    np.savez_compressed(
        HERE / "heads.npz",
        digests=np.array([head["digest"] for head in heads]),
        weights=np.stack([head["weights"] for head in heads]),
        bias=np.array([head["bias"] for head in heads]),
        scale=np.array([head["scale"] for head in heads]),
        shift=np.array([head["shift"] for head in heads]),
        thresholds=np.array([head["thresholds"] for head in heads]),
        counts=np.array([len(head["examples"]) for head in heads]),
        examples=np.array([text for head in heads for text in head["examples"]]),
        features=np.concatenate(
            [unit(encoder.features(head["examples"])) for head in heads]
        ).astype(np.float16),
        ordinary=encoder.features(kept).astype(np.float16),
        short=np.array([text in whole for text in kept]),
    )


if __name__ == "__main__":
    main()
