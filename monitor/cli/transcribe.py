"""`monitor transcribe`: recordings to text."""

from __future__ import annotations

from pathlib import Path

import click

from monitor import cli
from monitor.base.i18n import tr
from monitor.cli import options

FORMATS = ("text", "json", "srt", "vtt")


@click.command(
    "transcribe",
    help=tr(
        """转写录音。json 格式每个文件一行。

        \b
        示例：
          monitor transcribe a.wav
          monitor transcribe *.wav --format json > 转写.jsonl
          monitor transcribe a.mp3 --format srt > a.srt""",
        """Transcribe recordings. With json, one line per file.

        \b
        Examples:
          monitor transcribe a.wav
          monitor transcribe *.wav --format json > transcripts.jsonl
          monitor transcribe a.mp3 --format srt > a.srt""",
    ),
)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@cli.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", zh="输出格式", en="output"
)
@options.recogniser
@options.channels
def command(
    files: tuple[Path, ...], form: str, asr: str | None, channels: str | None
) -> int | None:
    from monitor.base.errors import UserError
    from monitor.call import engine, transcript
    from monitor.call.sound import open_sound
    from monitor.events import Party
    from monitor.rules.tools.sides import agents_side

    loaded = engine.load(asr, packs=())
    wanted = options.channel_map(channels)
    failed = False
    for path in files:
        try:
            sound = open_sound(path, wanted, loaded.vad)
            record = engine.run(loaded.call(str(path), sound.parties), sound.read())
            if sound.mixed and agents_side(loaded.rulebook, record.utterances) is Party.CUSTOMER:
                sound = sound.exchanged()
                record = engine.run(loaded.call(str(path), sound.parties), sound.read())
        except UserError as error:
            # The other files are still transcribed.
            click.echo(f"{tr('错误', 'error')}: {error}", err=True)
            failed = True
            continue
        for remark in sound.remarks:
            click.echo(f"! {path}: {remark}", err=True)
        click.echo(transcript.render(record, form, named=len(files) > 1), nl=False)
        if record.damage:
            click.echo(f"{tr('错误', 'error')}: {record.damage}", err=True)
            failed = True
    return cli.EXIT_FAILED if failed else None
