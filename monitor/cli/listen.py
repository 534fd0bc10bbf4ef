"""`monitor listen`: a call in progress."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from monitor import cli
from monitor.base.i18n import tr
from monitor.call.facts import DEFAULT_PACKS
from monitor.call.live_flow import Flow
from monitor.call.live_second_pass import ConfirmedCall
from monitor.cli import options
from monitor.events import Chunk, Direction, Party


@click.command(
    "listen",
    help=tr(
        """实时监测正在进行的通话。按 Ctrl-C 结束：处理完最后一句，判定结束语，打印评分表。

        设备可写编号、名称或名称的一部分；同一设备的两个声道写作 设备:0 和 设备:1。

        \b
        示例：
          monitor listen                                    默认麦克风（坐席）
          monitor listen --agent 耳机 --customer 立体声混音  两个设备
          monitor listen --agent 声卡:0 --customer 声卡:1    一个设备的两个声道
          monitor listen --record 通话.wav                   同时录音并保存事件
          monitor listen --serve                            在本机浏览器中显示实时面板
          monitor listen --to https://qa.example.cn         把通话发送到服务器""",
        """Monitor a call in progress. Ctrl-C ends it: the last words are processed, the
        closing script is judged, the scorecard printed.

        A device is a number, a name or part of one; two channels of one device
        are DEVICE:0 and DEVICE:1.

        \b
        Examples:
          monitor listen                                 default microphone (agent)
          monitor listen --agent Headset --customer Mix  two devices
          monitor listen --agent Card:0 --customer Card:1  two channels of one
          monitor listen --record call.wav               record it and keep its events
          monitor listen --serve                         live panel in this machine's browser
          monitor listen --to https://qa.example.cn      send the call to the server""",
    ),
)
@cli.option("--agent", metavar="DEVICE", zh="坐席的设备（默认系统麦克风）", en="the agent's device")
@cli.option("--customer", metavar="DEVICE", zh="客户的设备", en="the customer's device")
@options.packs
@options.recogniser
@options.second
@cli.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    zh="录音文件(WAV)；同名的 .jsonl 保存事件，.json 保存结果",
    en="record to this WAV file; its events go to the .jsonl, the result to the .json beside it",
)
@cli.option(
    "--seconds", type=click.FloatRange(min=0.1), zh="到时自动结束", en="end after this many seconds"
)
@options.store_or_none
@cli.option(
    "--serve",
    is_flag=True,
    zh="在本机浏览器中显示实时面板",
    en="show the live panel in a browser here",
)
@cli.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    zh="--serve 的端口（默认 8765）",
    en="the port of --serve (default 8765)",
)
@cli.option("--to", metavar="URL", zh="把通话发送到此服务器", en="send the call to this server")
@cli.option(
    "--token",
    metavar="TOKEN",
    zh="服务器的 API 令牌（建议改用环境变量 MONITOR_TOKEN）",
    en="API token for the server (better: the environment variable MONITOR_TOKEN)",
)
@cli.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    zh="从文件读取 API 令牌（或用环境变量 MONITOR_TOKEN_FILE）",
    en="read the API token from a file (or: the environment variable MONITOR_TOKEN_FILE)",
)
@options.facts
def command(
    agent: str | None,
    customer: str | None,
    packs: tuple[str, ...],
    asr: str | None,
    confirm: str | None,
    record: Path | None,
    seconds: float | None,
    store: str | None,
    serve: bool,
    port: int,
    to: str | None,
    token: str | None,
    token_file: Path | None,
    started_at: str | None,
    direction: Direction | None,
    fact: tuple[str, ...],
) -> int | None:
    from monitor.audio import headset
    from monitor.audio.channel_survey import Heard
    from monitor.base import labels
    from monitor.call import engine, live
    from monitor.call.live_files import CallFiles
    from monitor.cli import destinations, show

    # What the user got wrong is told before anything heavy is loaded.
    known = options.call_facts(started_at, direction, fact)
    whose = dict(known.facts).get("agent")
    if to is not None:
        token = destinations.token(to, token, token_file)
    wanted = destinations.Wanted(store, serve, port, to, token, str(whose) if whose else None)
    destinations.check(wanted)
    loaded = engine.load(asr, packs or DEFAULT_PACKS, live=True)
    parties = (Party.AGENT, Party.CUSTOMER) if customer is not None else (Party.AGENT,)
    if known.started_at is None:
        # The call starts now, at the edge, where wall time may be read.
        known = replace(known, started_at=datetime.now().astimezone().isoformat(timespec="seconds"))
    name = str(record) if record else tr("现场通话", "live call")
    call: Flow = loaded.call(name, parties, known)
    hearing_again = options.confirmer(confirm, asr)
    if hearing_again is not None:
        second = engine.load_second(hearing_again, loaded)
        call = ConfirmedCall(call, parties, second.listener)
    capture = partial(headset.open_headset, agent, customer)
    gone: tuple[str, ...] = ()
    heard = Heard()
    with destinations.destinations(wanted, loaded) as others:
        with ExitStack() as stack:
            files = stack.enter_context(CallFiles(record, parties, loaded)) if record else None
            stopped = stack.enter_context(live.interruptible())
            over = live.after(seconds, stopped)

            def play(sinks: Sequence[live.Sink]) -> None:
                nonlocal gone

                def keep(chunk: Chunk) -> None:
                    heard.take(chunk)
                    if files:
                        files.record(chunk)

                gone = live.listen(call, parties, capture, sinks, keep, stop=over)

            sinks = [files] if files else []
            card = show.run(loaded, play, [*sinks, *(other.sink for other in others)])
        problems = [problem for other in others for problem in other.finish(card, record)]
    problems += list(dict.fromkeys(files.problems)) if files else []
    problems += [
        tr(
            f"{device}：设备已断开，通话到此为止；请重新插好后再次开始",
            f"{device}: the device went away and the call ended there; plug it in and start again",
        )
        for device in gone
    ]
    problems += [
        tr(
            f"{labels.party(party)}的设备自始至终没有声音：是否静音，或选错了设备？",
            f"the {party}'s device delivered no sound at all: is it muted, or the wrong device?",
        )
        for party in heard.never()
    ]
    for problem in problems:
        click.echo(f"{tr('错误', 'error')}: {problem}", err=True)
    return cli.EXIT_FAILED if problems else None
