"""Which calls a verb means: the options of `monitor calls list | export | delete`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.cli import option, options
from monitor.cli.options import Verb
from monitor.events import Severity

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from monitor.store.read import CallFilter

STATUSES = ("live", "complete", "interrupted", "failed")


def filters(command: Verb) -> Verb:
    """The options of `CallFilter`; they arrive as keyword arguments."""
    for add in reversed(
        (
            option(
                "--since",
                metavar="TIME",
                zh="从何时起（如 2026-11-20 或 2026-11-20T09:30）",
                en="from this time on (e.g. 2026-11-20 or 2026-11-20T09:30)",
            ),
            option("--until", metavar="TIME", zh="到何时为止（不含）", en="before this time"),
            option("--agent", metavar="NAME", zh="坐席", en="the agent's"),
            option("--queue", metavar="NAME", zh="队列", en="of this queue"),
            option(
                "--direction",
                type=click.Choice(["inbound", "outbound"]),
                zh="呼入或呼出",
                en="inbound or outbound",
            ),
            option("--tier", metavar="NAME", zh="客户等级", en="of customers of this tier"),
            option("--status", type=click.Choice(STATUSES), zh="通话状态", en="in this state"),
            option("--score-min", type=float, zh="最低得分", en="scored at least this"),
            option("--score-max", type=float, zh="最高得分", en="scored at most this"),
            option(
                "--severity",
                type=click.Choice([level.value for level in Severity]),
                zh="至少有一条这么严重的告警",
                en="with an alert at least so grave",
            ),
            option("--fatal/--no-fatal", default=None, zh="有（无）致命项", en="with fatal items"),
            option("--rule", metavar="ID", zh="触发了这条规则", en="this rule found something"),
            option("--missed", metavar="ID", zh="缺了这条话术", en="this script was missed"),
            option("--flag", metavar="TEXT", zh="有这个标记", en="with this flag"),
            option("--name", metavar="TEXT", zh="名称包含", en="whose name contains this"),
            option(
                "--text",
                metavar="WORDS",
                zh="说过这些话（空格分开的每一段都要有）",
                en="these words were said (all of those between blanks)",
            ),
            option(
                "--sound",
                metavar="WORDS",
                zh="说过听起来像这样的话（汉字或拼音）",
                en="something that sounds like this was said (characters or pinyin)",
            ),
        )
    ):
        command = add(command)
    return command


def some(command: Verb) -> Verb:
    """Numbers of calls, or the options that say which; and the store."""
    command = filters(command)
    command = options.store(command)
    return click.argument("ids", nargs=-1, metavar="[ID]...")(command)


def filter_of(given: Mapping[str, Any]) -> CallFilter:
    """The filter of the options of `filters`.

    Raises:
        UserError: a time that is none.
    """
    from monitor.store.read import CallFilter

    values = {name: value for name, value in given.items() if value is not None}
    for name in ("since", "until"):
        if name in values:
            values[name] = _moment(f"--{name}", values[name])
    if "severity" in values:
        values["severity"] = Severity(values["severity"])
    return CallFilter(**values)


def chosen(session: Session, ids: Sequence[str], given: Mapping[str, Any]) -> list[int]:
    """The calls that are named, or else those that the filter means, the oldest first.

    Raises:
        UserError: neither is given, or a call is not there.
    """
    from sqlalchemy import select

    from monitor.store.read import calls_where
    from monitor.store.schema import Call

    if ids:
        return [_find(session, text) for text in ids]
    conditions = calls_where(session, filter_of(given))
    if not conditions:
        raise UserError(
            tr(
                "请给出通话编号，或用 --since、--agent 等选项说明是哪些通话",
                "say which calls: by their numbers, or by options such as --since and --agent",
            )
        )
    return _ids(session, select(Call.id).where(*conditions).order_by(Call.started_at, Call.id))


def _ids(session: Session, statement: Any) -> list[int]:
    return list(session.scalars(statement))


def _find(session: Session, text: str) -> int:
    """A call by its number, else by its key."""
    from sqlalchemy import select

    from monitor.store.schema import Call

    # The number of a row has 31 bits at most in PostgreSQL.
    small = text.isascii() and text.isdigit() and int(text) < 1 << 31
    which: ColumnElement[bool] = Call.id == int(text) if small else Call.key == text
    found = session.scalar(select(Call.id).where(which))
    if found is None:
        raise UserError(
            tr(
                f"{text}：没有这通电话（编号见 monitor calls list）",
                f"{text}: no such call (monitor calls list shows their numbers)",
            )
        )
    return found


def _moment(name: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UserError(
            tr(
                f"{name} {text}：不是时间，应写作 2026-11-20 或 2026-11-20T09:30",
                f"{name} {text}: not a time; write 2026-11-20 or 2026-11-20T09:30",
            )
        ) from None
