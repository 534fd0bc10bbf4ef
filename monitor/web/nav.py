"""The pages in the order of the navigation, and who sees which."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from monitor.base.i18n import tr
from monitor.web.roles import REVIEWERS, Role


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the navigation as a page shows it; `icon` is a symbol of icons.svg."""

    path: str
    label: str
    icon: str
    active: bool


@dataclass(frozen=True, slots=True)
class NavGroup:
    """Entries that belong together."""

    title: str
    entries: tuple[NavItem, ...]


def groups(role: Role, here: str, known: Container[str]) -> list[NavGroup]:
    """What `role` sees on the page `here`; `known` are the paths that the server has."""
    everybody = (Role.AGENT, *REVIEWERS)
    pages = {
        tr("实时", "Live"): (
            ("/panel", tr("实时面板", "Live panel"), "headset", (Role.AGENT,)),
            ("/wall", tr("监控墙", "Wall"), "wall", (Role.SUPERVISOR, Role.QA)),
        ),
        tr("质检", "Quality"): (
            ("/calls", tr("通话", "Calls"), "calls", everybody),
            ("/review", tr("待复核", "Review"), "check", (Role.QA, Role.TRAINER)),
            ("/plans", tr("抽检", "Sampling"), "dice", (Role.QA, Role.SUPERVISOR)),
            ("/imports", tr("导入", "Imports"), "upload", (Role.QA,)),
            ("/dashboards", tr("统计", "Dashboards"), "chart", REVIEWERS),
            ("/reports", tr("报表", "Reports"), "sheet", REVIEWERS),
        ),
        tr("培训", "Training"): (
            ("/cases", tr("案例", "Cases"), "book", everybody),
            ("/appeals", tr("申诉", "Appeals"), "appeal", everybody),
            ("/calibration", tr("校准", "Calibration"), "target", REVIEWERS),
            ("/rules", tr("规则", "Rules"), "rules", REVIEWERS),
        ),
        tr("管理", "Administration"): (
            ("/admin/users", tr("用户", "Users"), "users", ()),
            ("/admin/audit", tr("审计", "Audit"), "audit", ()),
        ),
    }
    shown = [
        NavGroup(
            title,
            tuple(
                NavItem(path, label, icon, here == path or here.startswith(path + "/"))
                for path, label, icon, roles in listed
                if path in known and (role is Role.ADMIN or role in roles)
            ),
        )
        for title, listed in pages.items()
    ]
    return [group for group in shown if group.entries]
