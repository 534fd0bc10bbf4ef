"""How values read on a page: times, severities, roles. Gives Jinja its filters and names."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from monitor.base import labels
from monitor.base.i18n import tr
from monitor.events import Party, Severity
from monitor.rules.scorecard import grade_name
from monitor.web.roles import Role

if TYPE_CHECKING:
    from jinja2 import Environment

SEVERITIES = ("fatal", "major", "minor", "tip")
"""Gravest first, as lists and counters show them."""


def severity_name(value: str) -> str:
    """What a severity is called; what is none stands for itself."""
    known = value in SEVERITIES
    return labels.severity(Severity(value)).name.capitalize() if known else value


def party_name(value: str | None) -> str:
    """What a party is called; empty for nobody's."""
    return labels.party(Party(value)) if value else ""


def role_name(value: str) -> str:
    names = {
        Role.AGENT: tr("坐席", "Agent"),
        Role.QA: tr("质检", "QA"),
        Role.TRAINER: tr("培训师", "Trainer"),
        Role.SUPERVISOR: tr("主管", "Supervisor"),
        Role.ADMIN: tr("管理员", "Administrator"),
    }
    return names[Role(value)]


def call_status_name(value: str) -> str:
    names = {
        "live": tr("通话中", "Live"),
        "complete": tr("已完成", "Complete"),
        "interrupted": tr("中断", "Interrupted"),
        "failed": tr("失败", "Failed"),
    }
    return names.get(value, value)


def direction_name(value: str | None) -> str:
    names = {"inbound": tr("呼入", "Inbound"), "outbound": tr("呼出", "Outbound")}
    return names.get(value or "", value or "")


def moment(value: datetime | None, seconds: bool = False) -> str:
    """A point in time in the server's own zone, as everybody in the building reads it."""
    if value is None:
        return ""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def day(value: datetime | None) -> str:
    return "" if value is None else value.astimezone().strftime("%Y-%m-%d")


def furnish(environment: Environment) -> None:
    """Add the filters and names that every template may use."""
    environment.filters.update(clock=labels.clock, moment=moment, day=day)
    environment.globals.update(
        SEVERITIES=SEVERITIES,
        severity_name=severity_name,
        party_name=party_name,
        role_name=role_name,
        call_status_name=call_status_name,
        direction_name=direction_name,
        grade_name=grade_name,
    )
