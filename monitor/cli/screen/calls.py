"""The calls of a store on a terminal or in a pipe: the table of many, the text of one."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.table import Table

from monitor.base import labels
from monitor.base.call_record import utterance_of
from monitor.base.i18n import tr
from monitor.cli.screen.card import stored_card_text
from monitor.cli.screen.plain import PlainScreen
from monitor.events import Alert, Event, Party, ScriptState, Severity, from_dict
from monitor.rules.scorecard import grade_name

if TYPE_CHECKING:
    from monitor.store.read import Hit
    from monitor.store.schema import Call


class CallTable:
    """Rows as they fit a terminal; in a pipe, columns between tabs."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._calls: list[Call] = []
        self._hits: list[str] = []

    def add(self, call: Call, hits: Sequence[Hit]) -> None:
        """`hits` are the utterances that a search found in it."""
        self._calls.append(call)
        self._hits += [
            f"{call.id}\t[{labels.clock(hit.start_ms)}] "
            f"{labels.party(Party(hit.party))}: {hit.text}"
            for hit in hits
        ]

    def print(self) -> None:
        console = Console(file=self._out)
        if console.is_terminal:
            console.print(self._table(), highlight=False, markup=False)
        else:
            for row in ([*_columns(), *_levels()], *map(_fields, self._calls)):
                print("\t".join(row), file=self._out)
        for line in self._hits:
            print(line, file=self._out)

    def _table(self) -> Table:
        """What is said of no call at all takes no room."""
        rows = [[*_cells(call), _alerts(call)] for call in self._calls]
        table = Table(box=None, header_style="bold", pad_edge=False)
        names = [*_columns(), tr("告警", "alerts")]
        used = [at for at in range(len(names)) if not rows or any(row[at] for row in rows)]
        for at in used:
            table.add_column(names[at], no_wrap=at < _WIDE, overflow="fold")
        for row in rows:
            table.add_row(*(row[at] for at in used))
        return table


_WIDE = 2  # the first columns keep to one line, whatever the width


def _columns() -> list[str]:
    return [
        tr("编号", "id"),
        tr("开始", "began"),
        tr("时长", "length"),
        tr("坐席", "agent"),
        tr("队列", "queue"),
        tr("得分", "score"),
        tr("缺失话术", "missed"),
        tr("状态", "status"),
        tr("名称", "name"),
    ]


def _cells(call: Call) -> list[str]:
    score = ""
    if call.final_score is not None:
        score = f"{call.final_score:g} {grade_name(call.final_grade)}".strip()
    return [
        str(call.id),
        f"{call.started_at.astimezone():%Y-%m-%d %H:%M}",
        labels.clock(call.duration_ms),
        call.agent or "",
        call.queue or "",
        score,
        str(call.scripts_missed or ""),
        status(call.status),
        call.name,
    ]


def _levels() -> list[str]:
    return [labels.severity(level).name for level in reversed(Severity)]


def _counts(call: Call) -> list[int]:
    return [getattr(call, f"alerts_{level.value}") for level in reversed(Severity)]


def _fields(call: Call) -> list[str]:
    return [*(cell.replace("\t", " ") for cell in _cells(call)), *map(str, _counts(call))]


def _alerts(call: Call) -> str:
    """How many of each severity, the gravest first: ■1 ●2."""
    counted = zip(reversed(Severity), _counts(call), strict=True)
    return " ".join(f"{labels.severity(level).sign}{count}" for level, count in counted if count)


def row_of(call: Call) -> dict[str, Any]:
    """A call's figures as JSON data."""
    names = (
        *("id", "key", "name", "source", "status", "error", "duration_ms", "agent", "queue"),
        *("direction", "tier", "released_by"),
        *("alerts_tip", "alerts_minor", "alerts_major", "alerts_fatal"),
        *("scripts_met", "scripts_missed", "gaps", "flags", "audio_digest"),
    )
    return {
        **{name: getattr(call, name) for name in names},
        "started_at": call.started_at.isoformat(),
        "score": call.final_score,
        "score_max": call.final_max,
        "grade": call.final_grade,
        "score_from": "machine" if call.people_card is None else "people",
        "machine_score": call.score,
        "fatal_items": call.final_fatal,
    }


def call_text(call: Call, data: Mapping[str, Any]) -> str:
    """One call: what is known of it, what was said and found, in order, and its card."""
    known = {
        tr("通话", "call"): f"{call.id}  {call.name}",
        tr("来源", "source"): call.source,
        tr("状态", "status"): f"{status(call.status)} {call.error}".strip(),
        tr("开始", "began"): f"{call.started_at.astimezone():%Y-%m-%d %H:%M:%S}",
        tr("时长", "length"): labels.clock(call.duration_ms),
        tr("坐席", "agent"): call.agent,
        tr("队列", "queue"): call.queue,
        tr("客户等级", "tier"): call.tier,
        tr("标记", "flags"): " ".join(call.flags),
    }
    head = [f"{name}: {value}" for name, value in known.items() if value]
    body = io.StringIO()
    PlainScreen(body)(_events(data), 0)
    return "\n".join([*head, "", body.getvalue().rstrip(), stored_card_text(data)]).rstrip()


def status(value: str) -> str:
    """A call's state by name."""
    return {
        "live": tr("进行中", "live"),
        "complete": tr("完成", "complete"),
        "interrupted": tr("中断", "interrupted"),
        "failed": tr("失败", "failed"),
    }.get(value, value)


def _events(data: Mapping[str, Any]) -> list[Event]:
    """Turns, scripts and findings in the order they were there; a script before its alert."""
    found: list[tuple[int, Event]] = [
        (said["start_ms"], utterance_of(said)) for said in data["utterances"]
    ]
    for script in data["scripts"]:
        status_ = {key: value for key, value in script.items() if key != "state"}
        state = from_dict(ScriptState, {**status_, "status": script["state"]})
        found.append((state.at_ms, state))
    found += [(alert["at_ms"], from_dict(Alert, alert)) for alert in data["alerts"]]
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]
