"""`monitor demo`: a bundled call through the whole pipeline."""

from __future__ import annotations

import click

from monitor import cli
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.call.facts import DEFAULT_PACKS
from monitor.call.live_flow import Flow
from monitor.call.live_second_pass import ConfirmedCall
from monitor.cli import options

DEFAULT_CALL = "demo"


@click.command(
    "demo",
    help=tr(
        """播放一段内置的双声道通话，实时显示转写、话术清单与告警，最后给出评分表。

        \b
        示例：
          monitor demo                 按实际速度播放
          monitor demo --fast          尽快播放
          monitor demo --list          列出内置通话
          monitor demo --call NAME     播放指定的内置通话""",
        """Play a bundled two-channel call with live transcript, checklist and alerts,
        then print its scorecard.

        \b
        Examples:
          monitor demo                 at the speed it was spoken
          monitor demo --fast          as fast as it goes
          monitor demo --list          list the bundled calls
          monitor demo --call NAME     play one of them""",
    ),
)
@cli.option("--fast", is_flag=True, zh="不按实际速度，尽快播放", en="do not wait for real time")
@cli.option("--call", "name", default=DEFAULT_CALL, zh="内置通话的名称", en="which bundled call")
@cli.option("--list", "names", is_flag=True, zh="列出内置通话", en="list the bundled calls")
@options.recogniser
@options.second
@options.packs
def command(
    fast: bool,
    name: str,
    names: bool,
    asr: str | None,
    confirm: str | None,
    packs: tuple[str, ...],
) -> int | None:
    from monitor.audio import file as audio_file
    from monitor.call import engine, live
    from monitor.cli import show
    from monitor.testing import fixtures

    if names:
        for fixture in fixtures.load_all():
            click.echo(f"{fixture.name:24} {fixture.title}")
        return None
    known = {fixture.name: fixture for fixture in fixtures.load_all()}
    if name not in known:
        raise UserError(
            tr(
                f"没有名为 {name} 的内置通话；现有：{'、'.join(known)}",
                f"no bundled call named {name}; there are: {', '.join(known)}",
            )
        )
    fixture = known[name]
    loaded = engine.load(asr, packs or DEFAULT_PACKS, live=True)
    parties = audio_file.parties(fixture.audio, None)
    call: Flow = loaded.call(str(fixture.audio.name), parties)
    if confirm not in (None, "none"):
        second = engine.load_second(confirm, loaded)
        call = ConfirmedCall(call, parties, second.listener)
    chunks = audio_file.read_call(fixture.audio, parties)
    with live.interruptible() as stopped:
        source = chunks if fast else live.paced(chunks)
        show.run(loaded, lambda sinks: live.play(call, source, sinks, stopped))
    return None
