"""How parties, severities and states are called and marked on a screen.

Every severity has a sign and a name beside its colour, so that colour is
never the only signal.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.base.i18n import tr
from monitor.events import Alert, AlertState, Party, ScriptStatus, Severity


@dataclass(frozen=True, slots=True)
class Mark:
    sign: str
    name: str
    style: str


def severity(value: Severity) -> Mark:
    match value:
        case Severity.FATAL:
            return Mark("■", tr("致命", "fatal"), "bold white on red")
        case Severity.MAJOR:
            return Mark("▲", tr("严重", "major"), "bold red")
        case Severity.MINOR:
            return Mark("●", tr("一般", "minor"), "bold yellow")
        case Severity.TIP:
            return Mark("○", tr("提示", "tip"), "bold cyan")


def script(value: ScriptStatus) -> Mark:
    match value:
        case ScriptStatus.PENDING:
            return Mark("…", tr("待完成", "pending"), "white")
        case ScriptStatus.MET:
            return Mark("✓", tr("已完成", "done"), "green")
        case ScriptStatus.MISSED:
            return Mark("✗", tr("缺失", "missing"), "bold red")
        case ScriptStatus.NOT_APPLICABLE:
            return Mark("–", tr("不适用", "not applicable"), "dim")


def party(value: Party) -> str:
    return tr("坐席", "Agent") if value is Party.AGENT else tr("客户", "Customer")


def alert_state(value: AlertState) -> str:
    match value:
        case AlertState.RAISED:
            return ""
        case AlertState.CONFIRMED:
            return tr("✓ 已复核确认", "✓ confirmed")
        case AlertState.RETRACTED:
            return tr("✗ 复核后撤回", "✗ retracted")


def verdict(value: AlertState) -> str:
    """The state in as few columns as will do."""
    match value:
        case AlertState.RAISED:
            return ""
        case AlertState.CONFIRMED:
            return tr("✓确认 ", "✓confirmed ")
        case AlertState.RETRACTED:
            return tr("✗撤回 ", "✗retracted ")


def heard_again(alert: Alert) -> str:
    """What the second recogniser heard, in quotes; empty where there was none."""
    second = alert.evidence.get("second")
    if not isinstance(second, dict):
        return ""
    quote = second.get("quote")
    return tr(f"「{quote}」", f'"{quote}"') if quote else tr("没有这句话", "no such words")


def clock(ms: int) -> str:
    """Call time as m:ss, or h:mm:ss from an hour on."""
    seconds = ms // 1000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def stamp(ms: int) -> str:
    """A moment of a call as mm:ss: of equal width, to stand below one another."""
    return f"{ms // 60_000:02d}:{ms // 1000 % 60:02d}"


def tenths(ms: int) -> str:
    """A moment of a call as mm:ss.t."""
    return f"{stamp(ms)}.{ms % 1000 // 100}"
