"""The pages in the order of the navigation, and who sees which."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from monitor.i18n import tr
from monitor.web.roles import REVIEWERS, Role


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the navigation as the page shows it."""

    path: str
    label: str
    active: bool


def entries(role: Role, here: str, known: Container[str]) -> list[NavItem]:
    """What `role` sees on the page `here`; `known` are the paths the server has."""
    pages: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
        ("/panel", tr("实时面板", "Live panel"), (Role.AGENT,)),
        ("/wall", tr("监控墙", "Wall"), (Role.SUPERVISOR, Role.QA)),
        ("/calls", tr("通话", "Calls"), (Role.AGENT, *REVIEWERS)),
        ("/review", tr("待复核", "Review"), (Role.QA, Role.TRAINER)),
        ("/plans", tr("抽检", "Sampling"), (Role.QA, Role.SUPERVISOR)),
        ("/dashboards", tr("统计", "Dashboards"), REVIEWERS),
        ("/reports", tr("报表", "Reports"), REVIEWERS),
        ("/imports", tr("导入", "Imports"), (Role.QA,)),
        ("/cases", tr("案例", "Cases"), (Role.AGENT, *REVIEWERS)),
        ("/appeals", tr("申诉", "Appeals"), (Role.AGENT, *REVIEWERS)),
        ("/calibration", tr("校准", "Calibration"), REVIEWERS),
        ("/rules", tr("规则", "Rules"), REVIEWERS),
        ("/admin/users", tr("用户", "Users"), ()),
        ("/admin/audit", tr("审计", "Audit"), ()),
    )
    return [
        NavItem(path, label, here == path or here.startswith(path + "/"))
        for path, label, roles in pages
        if path in known and (role is Role.ADMIN or role in roles)
    ]
