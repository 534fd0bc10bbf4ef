"""Options that several verbs share, and what becomes of their values."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import click

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.moments import read_moment
from monitor.base.time_zone import local_zone
from monitor.call.facts import DEFAULT_PACKS, MIXED, CallFacts, Channels
from monitor.cli import option
from monitor.events import Detail, Direction, Party

Verb: TypeAlias = Callable[..., Any]


def packs(command: Verb) -> Verb:
    default = ", ".join(DEFAULT_PACKS)
    return option(
        "--pack",
        "packs",
        multiple=True,
        metavar="PACK",
        zh=f"规则包名称或文件，可多次使用（默认 {default}）",
        en=f"rule pack, by name or file; may be repeated (default {default})",
    )(command)


def recogniser(command: Verb) -> Verb:
    return option(
        "--asr",
        metavar="NAME",
        zh="识别引擎：模型名称、模型文件夹或 引擎:模型，如 faster-whisper:whisper-small"
        "（默认内置模型）",
        en="recogniser: a model's name or folder, or ENGINE:MODEL such as"
        " faster-whisper:whisper-small (default: the embedded one)",
    )(command)


def second(command: Verb) -> Verb:
    return option(
        "--confirm",
        metavar="NAME",
        zh="复核引擎：触发告警的话由它再听一遍，给出确认或撤回（写法同 --asr；装有 whisper-base 时"
        "默认为 whisper-ctc，none 为不复核）",
        en="second recogniser: hears what raised an alert again and confirms or retracts it"
        " (as --asr; default: whisper-ctc where whisper-base is installed; none: no second)",
    )(command)


CONFIRM = "MONITOR_CONFIRM"
"""Environment variable: what `--confirm` is where it is not given."""


def confirmer(given: str | None, asr: str | None) -> str | None:
    """The second recogniser that `--confirm` asks for, or the one to be had; None for none.

    Args:
        given: the option's value.
        asr: the first recogniser.
    """
    wanted = given or os.environ.get(CONFIRM) or None
    if wanted is not None:
        return None if wanted == "none" else wanted
    from monitor.asr import second_by_default

    name = second_by_default(asr)
    if name is not None:
        click.echo(
            tr(
                f"告警由 {name} 复核（不需要时加 --confirm none）",
                f"alerts are heard again by {name} (--confirm none switches that off)",
            ),
            err=True,
        )
    return name


def facts(command: Verb) -> Verb:
    """`--started-at`, `--direction` and `--fact`: what is known of the call."""
    for add in (
        option(
            "--fact",
            "fact",
            multiple=True,
            metavar="KEY=VALUE",
            zh="通话信息，供规则的 when 条件使用，可多次使用，如 --fact queue=宽带",
            en="a fact about the call for the rules' `when`, repeatable, e.g. --fact queue=vip",
        ),
        option(
            "--direction",
            type=click.Choice(["inbound", "outbound"]),
            zh="呼入或呼出",
            en="inbound or outbound",
        ),
        option(
            "--started-at",
            metavar="TIME",
            zh="通话开始时间（ISO 8601，如 2026-11-20T19:30:00+08:00；不写时区为本机时区；"
            "只写日期则时刻未知）",
            en="when the call began (ISO 8601, e.g. 2026-11-20T19:30:00+08:00; without a zone:"
            " this machine's; a date alone leaves the time unknown)",
        ),
    ):
        command = add(command)
    return command


def call_facts(
    started_at: str | None, direction: Direction | None, fact: tuple[str, ...]
) -> CallFacts:
    """The facts of the `facts` options.

    Raises:
        UserError: a time that is not ISO 8601, or a fact without `=`.
    """
    if started_at is not None:
        try:
            # A time without a zone is one of this installation; the result says which.
            started_at = read_moment(started_at, local_zone()).isoformat()
        except ValueError:
            raise UserError(
                tr(
                    f"--started-at {started_at}：不是 ISO 8601 时间，"
                    "例如 2026-11-20T19:30:00+08:00",
                    f"--started-at {started_at}: not an ISO 8601 time such as"
                    " 2026-11-20T19:30:00+08:00",
                )
            ) from None
    pairs: list[tuple[str, Detail]] = []
    for text in fact:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UserError(
                tr(
                    f"--fact {text}：应写作 名称=值，例如 queue=宽带",
                    f"--fact {text}: write KEY=VALUE, e.g. queue=vip",
                )
            )
        pairs.append((key.strip(), value.strip()))
    return CallFacts(started_at, direction, tuple(pairs))


def channel_map(text: str | None) -> Channels:
    """The parties of `--channels agent,customer`, in channel order; `mixed`; None: not given.

    `-` is a channel that is left out.

    Raises:
        UserError: an unknown or repeated party, or none at all.
    """
    if text is None:
        return None
    if text.strip() == MIXED:
        return "mixed"
    names = [name.strip() for name in text.split(",")]
    try:
        parties = tuple(None if name == "-" else Party(name) for name in names)
    except ValueError:
        parties = ()
    named = [party for party in parties if party is not None]
    if not named or len(set(named)) != len(named):
        raise UserError(
            tr(
                f"--channels {text}：请按声道顺序写 agent,customer 或 customer,agent 或 agent，"
                "不用的声道写 -；两人在同一声道写 mixed",
                f"--channels {text}: name the parties in channel order:"
                " agent,customer or customer,agent or agent; - for a channel to be left out;"
                " mixed for both on one channel",
            )
        )
    return parties


def channels(command: Verb) -> Verb:
    return option(
        "--channels",
        metavar="agent,customer",
        zh="各声道对应的说话方，不用的写 -；mixed：两人在同一声道"
        "（默认：双声道为坐席、客户，单声道听出是一人还是两人）",
        en="who is on which channel, - for one to be left out; mixed: both on one (default: stereo"
        " agent, customer; mono as many voices as are heard)",
    )(command)


def store_or_none(command: Verb) -> Verb:
    """`--store [WHERE]`: None when it is not given, "" for the usual place."""
    return option(
        "--store",
        is_flag=False,
        flag_value="",
        metavar="[WHERE]",
        zh="存入通话库：文件夹、.db 文件或 postgresql://…（不写则用 MONITOR_STORE 或用户目录）",
        en="keep it in the store: a folder, a .db file or postgresql://… (alone: MONITOR_STORE,"
        " else a folder of your own)",
    )(command)


def store(command: Verb) -> Verb:
    return option(
        "--store",
        metavar="WHERE",
        zh="通话库：文件夹、.db 文件或 postgresql://…（默认 MONITOR_STORE，否则用户目录）",
        en="the store: a folder, a .db file or postgresql://… (default: MONITOR_STORE, else a"
        " folder of your own)",
    )(command)


def passed_over(endings: Mapping[str, int]) -> list[str]:
    """The line on files of a folder that were not looked at as recordings; none where all were."""
    if not endings:
        return []
    count = sum(endings.values())
    some = ", ".join(f"{ending or tr('无后缀', 'no suffix')} {n}" for ending, n in endings.items())
    return [
        tr(
            f"跳过 {count} 个后缀不像录音的文件（{some}）；要评分请逐个写出文件名",
            f"passed over {count} file(s) not named like recordings ({some});"
            " name them one by one to score them",
        )
    ]
