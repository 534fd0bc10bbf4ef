"""What rules understand, on dialogues that nothing was tuned with: one JSON line per run.

    python -m benchmarks.meaning                 held-out dialogues and ordinary calls
    python -m benchmarks.meaning FILE… --noise 0.15

Material: `benchmarks/dialogues/heldout-*.yaml`, written by other hands than the
examples of `rules/like`, and of `rules/dialogues/ordinary` the half that no
threshold was chosen with. Each run is made as written and with 15 % of the
syllables misheard as measured.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from monitor.events import Severity
from monitor.rules.language.dialogue_file import DialogueFile, read_dialogues
from monitor.rules.tools.dialogues import Outcome, Runner, Tally, tally

HELD_OUT = Path("benchmarks/dialogues")
ORDINARY = Path("rules/dialogues/ordinary")
NOISE = (0.0, 0.15)


def for_reporting(identifier: str) -> bool:
    """The ordinary calls that nothing was built or chosen with: neither `like` nor the sentences
    of `rules/ordinary`."""
    return zlib.crc32(identifier.encode()) % 2 == 1


def ordinary() -> list[DialogueFile]:
    """The ordinary calls to report on."""
    files = [read_dialogues(file) for file in sorted(ORDINARY.glob("*.yaml"))]
    return [
        file.model_copy(
            update={"dialogues": tuple(d for d in file.dialogues if for_reporting(d.id))}
        )
        for file in files
    ]


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What a run comes to."""
    table = tally(outcomes)
    total = table["∑", "∑"]
    hours = total.agent_ms / 3_600_000
    tips = sum(a.severity is Severity.TIP for o in outcomes for a in o.alerts if o.clean)
    return {
        "calls": total.calls,
        "found": {kind: _found(row) for (fam, kind), row in table.items() if fam == "∑"},
        "clean_calls": total.clean,
        "clean_calls_alarmed": total.alarmed,
        "clean_calls_fatal": total.fatal,
        "agent_hours": round(hours, 2),
        "false_alerts": total.false,
        "false_alerts_per_agent_hour": round(total.false / hours, 2) if hours else None,
        "by_meaning": sum("meaning-" in a.rule for o in outcomes for a in o.false),
        "tips_in_clean_calls": tips,
    }


def _found(row: Tally) -> str | None:
    return f"{row.found}/{row.wants}" if row.wants else None


def run(name: str, files: Iterable[DialogueFile], noise: float) -> None:
    runner = Runner(noise=noise)
    outcomes = [outcome for file in files for outcome in runner.run(file)]
    line = {"benchmark": "meaning", "material": name, "noise": noise, **figures(outcomes)}
    click.echo(json.dumps(line, ensure_ascii=False))


@click.command(help=__doc__)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--noise", type=click.FloatRange(0, 1), help="Only with this much.")
def main(files: tuple[Path, ...], noise: float | None) -> None:
    levels = NOISE if noise is None else (noise,)
    chosen = files or tuple(sorted(HELD_OUT.glob("heldout-*.yaml")))
    for file in chosen:
        for level in levels:
            run(file.stem, [read_dialogues(file)], level)
    if not files:
        for level in levels:
            run("ordinary", ordinary(), level)


if __name__ == "__main__":
    main()
