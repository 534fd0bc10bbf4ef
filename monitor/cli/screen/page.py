"""The live page on a terminal: transcript left, checklist and newest alert right."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from monitor.base import labels
from monitor.base.i18n import tr
from monitor.cli.screen.call_board import Board, Line
from monitor.events import Alert, AlertState, Event, Party, ScriptState, ScriptStatus

_NARROW = 64
"""Columns below which the page stacks its parts instead of setting them side by side."""

_REFRESH_S = 0.1  # an alert is painted at once; everything else at most this often


class PageScreen:
    """A full-screen page, redrawn as events come. Use as a context manager and as a sink."""

    def __init__(self, console: Console) -> None:
        self._board = Board()
        self._live = Live(
            _Page(self._board), console=console, screen=True, auto_refresh=False, transient=True
        )
        self._painted = 0.0

    def __enter__(self) -> PageScreen:
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.__exit__(None, None, None)

    def __call__(self, events: Sequence[Event], now_ms: int) -> None:
        self._board.take(events, now_ms)
        now = time.monotonic()
        if any(isinstance(event, Alert) for event in events) or now - self._painted >= _REFRESH_S:
            self._painted = now
            self._live.refresh()


class _Page:
    """Renders the board to the size the terminal has at this moment."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.height
        yield render(self._board, width, height)


def render(board: Board, width: int, height: int) -> Layout:
    """The whole page as a rich layout for a terminal of this size (cells)."""
    page = Layout()
    body = Layout(name="body")
    page.split_column(Layout(_headline(board), size=1), body)
    rows = height - 1
    if width < _NARROW:
        half = max(rows // 2, 3)
        body.split_column(
            Layout(_transcript(board, width, rows - half)),
            Layout(_side(board, width, half), size=half),
        )
    else:
        side = max(width * 2 // 5, 30)
        body.split_row(
            Layout(_transcript(board, width - side, rows)),
            Layout(_side(board, side, rows), size=side),
        )
    return page


def _headline(board: Board) -> Text:
    name = board.info.source if board.info else ""
    standing = sum(a.state is not AlertState.RETRACTED for a in board.alerts.values())
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f" {labels.clock(board.now_ms)} ", "bold reverse")
    text.append(tr(f" 告警 {standing} ", f" alerts {standing} "), "bold")
    if board.gaps:
        gaps = len(board.gaps)
        text.append(tr(f" 音频缺口 {gaps} ", f" audio gaps {gaps} "), "bold red")
    text.append(f" {name}", "dim")
    return text


def _transcript(board: Board, width: int, rows: int) -> Panel:
    room = rows - 2
    lines: list[Text] = []
    for line in reversed(board.lines):
        text = _line(board, line)
        lines.insert(0, text)
        room -= -(-max(text.cell_len, 1) // max(width - 4, 1))
        if room <= 0:
            break
    # The newest words matter: what does not fit is cut at the top, not at the bottom.
    wrapped = [part for text in lines for part in _wrap(text, max(width - 4, 4))]
    return Panel(Group(*wrapped[-(rows - 2) :]), title=tr("对话", "Transcript"), height=rows)


def _line(board: Board, line: Line) -> Text:
    agent = line.party is Party.AGENT
    text = Text()
    text.append(f"{labels.party(line.party)} ", "bold blue" if agent else "bold magenta")
    if line.note:
        return text.append(f"({line.note})", "red")
    for token in line.tokens:
        hit = board.hit(token)
        text.append(token.text, labels.severity(hit.severity).style + " underline" if hit else "")
    if line.open:
        text.append(board.tails.get(line.party, ""), "dim")
    return text


def _wrap(text: Text, width: int) -> Iterator[Text]:
    """Cut a line to rows of `width` cells; Chinese may break anywhere."""
    start = used = 0
    for index, char in enumerate(text.plain):
        cells = cell_len(char)
        if used + cells > width:
            yield text[start:index]
            start, used = index, 0
        used += cells
    yield text[start:]


def _side(board: Board, width: int, rows: int) -> Layout:
    side = Layout()
    newest = board.cards()
    card_rows = min(max(rows // 2, 5), 11)
    side.split_column(
        Layout(_card(newest, max(width - 4, 4), card_rows), size=card_rows),
        Layout(_checklist(board, rows - card_rows)),
    )
    return side


def _card(newest: list[Alert], width: int, rows: int) -> Panel:
    """The newest alert in full, older ones greyed out below; `width` is the text's."""
    if not newest:
        calm = Text(tr("暂无告警", "no alerts"), "dim")
        return Panel(calm, title=tr("告警", "Alerts"), height=rows)
    alert = newest[0]
    mark = labels.severity(alert.severity)
    gone = alert.state is AlertState.RETRACTED
    parts = [*_wrap(Text(alert.title, "dim strike" if gone else mark.style), width)]
    if alert.quote:
        heard = Text(tr("听到 ", "heard "), "dim")
        parts += _wrap(heard.append(alert.quote, "not dim bold"), width)
    again = labels.heard_again(alert)
    if again:
        parts += _wrap(Text(tr(f"复核听到 {again}", f"heard again {again}"), "dim"), width)
    if alert.advice and not gone:
        say = Text(tr("请说 ", "say "), "dim")
        parts += _wrap(say.append(alert.advice, "not dim bold green"), width)
    for old in newest[1 : max(rows - 1 - len(parts), 1)]:
        sign = labels.severity(old.severity).sign
        row = Text(f"{labels.clock(old.at_ms)} {sign} ", "dim")
        row.append(labels.verdict(old.state))
        row.append(old.title, "strike" if old.state is AlertState.RETRACTED else "")
        row.no_wrap, row.overflow = True, "ellipsis"
        parts.append(row)
    state = labels.alert_state(alert.state)
    title = f"{mark.sign} {mark.name} {labels.clock(alert.at_ms)} {state}".rstrip()
    border = "dim" if gone else mark.style
    return Panel(Group(*parts), title=title, border_style=border, height=rows)


def _checklist(board: Board, rows: int) -> Panel:
    lines = [_item(board, state) for state in board.checklist()[: max(rows - 2, 0)]]
    return Panel(Group(*lines), title=tr("必说话术", "Scripts"), height=rows)


def _item(board: Board, state: ScriptState) -> Text:
    mark = labels.script(state.status)
    text = Text(f"{mark.sign} {state.title}", mark.style, no_wrap=True, overflow="ellipsis")
    if state.status is ScriptStatus.PENDING and state.deadline_ms is not None:
        left = max(state.deadline_ms - board.now_ms, 0)
        text = Text.assemble(
            (f"{mark.sign} ", mark.style),
            (f"{labels.clock(left)} ", "bold yellow" if left < 5000 else "yellow"),
            (state.title, mark.style),
        )
        text.no_wrap, text.overflow = True, "ellipsis"
    return text
