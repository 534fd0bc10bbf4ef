"""Who may do what: the five roles and where each of them begins."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody signs in as. The administrator may do everything the others may."""

    AGENT = "agent"  # 坐席: their own calls, live and past
    QA = "qa"  # 质检
    TRAINER = "trainer"  # 培训师
    SUPERVISOR = "supervisor"  # 主管
    ADMIN = "admin"  # 管理员: accounts, tokens, audit


REVIEWERS = (Role.QA, Role.TRAINER, Role.SUPERVISOR)
"""Those who see every call."""

HOMES = {
    Role.AGENT: "/panel",
    Role.QA: "/calls",
    Role.TRAINER: "/review",
    Role.SUPERVISOR: "/wall",
    Role.ADMIN: "/admin/users",
}
"""The page each role starts on."""
