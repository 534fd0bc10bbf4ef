"""`python -m models.training`: everything, from recordings to the exported model.

Runs `natural`, `encode` and `head` (where there is no head), `prepare` (where shards are missing),
`train` (resuming), `export`, `tune`, the estimate for spotting and `evaluate` in turn, or one of
them by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from models.training import paths


def _say(record: dict[str, Any]) -> None:
    from models.training.train import to_line

    click.echo(to_line(record))
    log = paths.checkpoints() / "log.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    if "epoch" in record:
        with log.open("a", encoding="utf-8") as file:
            file.write(to_line(record) + "\n")


@click.group(invoke_without_command=True)
@click.option("--hours", default=2.0, show_default=True, help="Wall clock of the training itself.")
@click.pass_context
def main(context: click.Context, hours: float) -> None:
    """Train the embedded recogniser: speech, teacher, shards, training, export, measures."""
    if context.invoked_subcommand is None:
        from models.training import spotting

        context.invoke(natural, hours=3.0, first=0, nice=10)
        if not (paths.WHISPER_CTC / "model.json").exists():
            context.invoke(
                encode, kinds="natural,commonvoice,aishell,isolated", views="clean,worse"
            )
            context.invoke(head)
        context.invoke(prepare, views="0", workers=2)
        context.invoke(train, hours=hours)
        context.invoke(export, out=paths.EMBEDDED)
        context.invoke(tune, model=paths.EMBEDDED)
        context.invoke(spotting.main, folder=paths.EMBEDDED)
        context.invoke(evaluate, model=paths.EMBEDDED)


@main.command()
@click.option("--views", default="0", show_default=True, help="Views to make, e.g. 0,1,2.")
@click.option("--workers", default=2, show_default=True)
@click.option("--nice", default=10, show_default=True)
@click.option("--share", default=1.0, show_default=True, help="Of all but the natural speech.")
def prepare(views: str, workers: int, nice: int = 10, share: float = 1.0) -> None:
    """Compute the training shards of some views (those that exist are kept)."""
    from models.training import prepare as preparation

    preparation.run([int(v) for v in views.split(",")], workers, nice, share)


@main.command()
@click.option("--hours", default=2.0, show_default=True, help="Speech to have in all.")
@click.option("--first", default=0, show_default=True, help="Number of the first shard to make.")
@click.option("--nice", default=10, show_default=True)
def natural(hours: float, first: int, nice: int) -> None:
    """Let Kokoro say the recipe's texts (clips that exist are kept)."""
    from models.training import natural as speech

    for record in speech.run(hours, nice, first):
        _say(record)


@main.command()
@click.option("--kinds", default="natural,commonvoice,aishell,isolated", show_default=True)
@click.option("--views", default="clean,worse", show_default=True)
@click.option("--share", default=1.0, show_default=True, help="Of each kind and view.")
@click.option("--nice", default=10, show_default=True)
def encode(kinds: str, views: str, share: float, nice: int) -> None:
    """Let the teacher's encoder hear the clips (shards that exist are kept)."""
    from models.training import whisper

    for record in whisper.run(kinds.split(","), views.split(","), share, nice):
        _say(record)


@main.command()
@click.option("--hidden", default=512, show_default=True)
@click.option("--passes", default=7, show_default=True)
@click.option("--peak", default=1e-3, show_default=True, help="Highest learning rate.")
@click.option("--out", type=click.Path(path_type=Path), default=paths.WHISPER_CTC)
@click.option("--start", type=click.Path(path_type=Path, exists=True), help="A head to go on from.")
def head(hidden: int, passes: int, peak: float, out: Path, start: Path | None) -> None:
    """Train the CTC head on the encoded clips: the teacher, and an engine of its own."""
    from models.training import head as training

    recipe = training.HeadRecipe(hidden=hidden, passes=passes, peak=peak)
    for record in training.train(recipe, out, start):
        _say(record)


@main.command()
@click.option("--hours", default=2.0, show_default=True, help="Total, earlier runs included.")
@click.option("--passes", default=0, show_default=True, help="Instead of hours: epochs in all.")
@click.option("--rows", default=14, show_default=True, help="Rows of 15 s per step.")
@click.option("--peak", default=2e-3, show_default=True, help="Highest learning rate.")
@click.option("--seed", default=1, show_default=True)
@click.option("--soft", default=1.0, show_default=True, help="Weight of the soft targets.")
@click.option("--ctc", default=0.4, show_default=True, help="Weight of CTC on the transcripts.")
@click.option("--threads", default=0, help="Replicas on a CPU; 0: one per core that may be used.")
@click.option(
    "--start",
    type=click.Path(path_type=Path, exists=True),
    help="An exported model folder to begin with where there is no checkpoint.",
)
def train(
    hours: float,
    passes: int = 0,
    rows: int = 14,
    peak: float = 2e-3,
    seed: int = 1,
    soft: float = 1.0,
    ctc: float = 0.4,
    threads: int = 0,
    start: Path | None = None,
) -> None:
    """Train until the budget is used; an interrupted run goes on from its last checkpoint."""
    from models.training import export as exporting
    from models.training import train as training
    from models.training import units
    from models.training.network import Settings

    recipe = training.Recipe(
        hours, passes, rows, peak, seed=seed, soft=soft, ctc=ctc, threads=threads
    )
    settings = Settings(units=units.size())
    training.run(
        recipe,
        settings,
        paths.cache(),
        paths.checkpoints(),
        training.device_name(),
        _say,
        None if start is None else exporting.read(start, settings),
    )


@main.command()
@click.option("--out", type=click.Path(path_type=Path), default=paths.EMBEDDED, show_default=True)
@click.option(
    "--start",
    type=click.Path(path_type=Path, exists=True),
    help="The model folder that training went on from, to be blended in.",
)
@click.option("--share", default=1.0, show_default=True, help="Of the new weights in the blend.")
def export(out: Path, start: Path | None = None, share: float = 1.0) -> None:
    """Write the averaged weights of the last checkpoint as an int8 ONNX model folder."""
    from models.training import export as exporting

    _say(exporting.run(paths.checkpoints() / "last.pt", out, start, share))


@main.command()
@click.option("--model", type=click.Path(path_type=Path), default=paths.EMBEDDED, show_default=True)
def tune(model: Path) -> None:
    """Choose the decoder's weights for an exported model."""
    from models.training import tune as tuning

    for record in tuning.run(model):
        _say(record)


@main.command()
@click.option("--model", type=click.Path(path_type=Path), default=paths.EMBEDDED, show_default=True)
@click.option("--teachers", is_flag=True, help="Measure both teachers beside it.")
@click.option("--sets", help="Only these, e.g. commonvoice,natural.")
@click.option("--conditions", help="Only these, e.g. 16k,8k-alaw.")
def evaluate(
    model: Path, teachers: bool = False, sets: str | None = None, conditions: str | None = None
) -> None:
    """Syllable errors of an exported model, one JSON line per set and condition."""
    from models.training import evaluate as evaluation
    from models.training import heldout

    chosen = heldout.SETS if sets is None else sets.split(",")
    situations = heldout.CONDITIONS if conditions is None else conditions.split(",")
    for record in evaluation.run(model, teachers, chosen, situations):
        _say(record)


@main.command()
@click.option("--model", type=click.Path(path_type=Path), default=paths.EMBEDDED, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def sherpa(model: Path, out: Path) -> None:
    """Dress an exported model for sherpa-onnx: one folder per kind under OUT."""
    from models.training import sherpa as dressing

    for kind in dressing.KINDS:
        dressing.build(model, kind, out / kind)
        _say({"written": str(out / kind)})


if __name__ == "__main__":
    main()
