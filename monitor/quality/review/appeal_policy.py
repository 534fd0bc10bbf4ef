"""The way of an appeal: who may do what, until when, how often.

    (nothing) ─file→ filed ─decide→ upheld | rejected
                       └───withdraw→ withdrawn

Upheld: the agent was right, the finding is wrong. No clock here: every
function is given the moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from monitor.base.errors import UserError
from monitor.base.i18n import tr


class AppealState(StrEnum):
    FILED = "filed"  # 待处理
    UPHELD = "upheld"  # 申诉成立
    REJECTED = "rejected"  # 驳回
    WITHDRAWN = "withdrawn"  # 撤回


@dataclass(frozen=True, slots=True)
class AppealPolicy:
    """Days an agent has from when the call's findings were there; days a reviewer has to answer.

    `per_finding` counts appeals of one finding that were decided or are open
    (one withdrawn in time costs nothing), `per_call` those of one call.
    """

    days: int = 7
    answer_days: int = 3
    per_finding: int = 1
    per_call: int = 5

    def __post_init__(self) -> None:
        for name, low, high in (
            ("days", 0, 365),
            ("answer_days", 1, 365),
            ("per_finding", 0, 10),
            ("per_call", 0, 100),
        ):
            if not low <= getattr(self, name) <= high:
                raise UserError(
                    tr(
                        f"申诉设置 {name} 应在 {low} 到 {high} 之间",
                        f"appeal setting {name} must be between {low} and {high}",
                    )
                )


def policy_of(value: Mapping[str, Any]) -> AppealPolicy:
    """The policy kept as `value`; what it leaves out is the default.

    Raises:
        UserError: an unknown name, or a value out of range.
    """
    names = AppealPolicy.__dataclass_fields__
    for name, number in value.items():
        if name not in names or not isinstance(number, int):
            raise UserError(
                tr(
                    f"申诉设置 {name} 不对：应为整数，名称是 {'、'.join(names)}",
                    f"appeal setting {name} is wrong: a whole number under {', '.join(names)}",
                )
            )
    return AppealPolicy(**value)


def deadline(policy: AppealPolicy, known_at: datetime) -> datetime:
    """Until when findings that were there at `known_at` may be contested."""
    return known_at + timedelta(days=policy.days)


def answer_by(policy: AppealPolicy, filed_at: datetime) -> datetime:
    """Until when a reviewer should decide."""
    return filed_at + timedelta(days=policy.answer_days)


def refusal(
    policy: AppealPolicy,
    known_at: datetime,
    now: datetime,
    of_finding: Sequence[AppealState],
    of_call: Sequence[AppealState],
) -> str:
    """Why a finding cannot be contested now; empty when it can.

    `of_finding` and `of_call` are the states of the appeals there are already.
    """
    if AppealState.FILED in of_finding:
        return tr("已经申诉，等待处理", "contested already; the answer is due")
    if now > deadline(policy, known_at):
        return tr(f"已过申诉期限（{policy.days} 天）", f"too late: {policy.days} days were allowed")
    if _counted(of_finding) >= policy.per_finding:
        return tr(
            f"每个发现最多申诉 {policy.per_finding} 次",
            f"a finding may be contested {policy.per_finding} time(s)",
        )
    if _counted(of_call) >= policy.per_call:
        return tr(
            f"每通电话最多申诉 {policy.per_call} 次", f"at most {policy.per_call} appeals per call"
        )
    return ""


def decided(state: AppealState, upheld: bool) -> AppealState:
    """The state after a reviewer's decision.

    Raises:
        UserError: it was decided or withdrawn before.
    """
    _must_be_open(state)
    return AppealState.UPHELD if upheld else AppealState.REJECTED


def withdrawn(state: AppealState) -> AppealState:
    """The state after the agent took it back.

    Raises:
        UserError: it was decided or withdrawn before.
    """
    _must_be_open(state)
    return AppealState.WITHDRAWN


def _counted(states: Sequence[AppealState]) -> int:
    return sum(state is not AppealState.WITHDRAWN for state in states)


def _must_be_open(state: AppealState) -> None:
    if state is not AppealState.FILED:
        raise UserError(
            tr("这条申诉已经处理或撤回", "this appeal has been decided or withdrawn already")
        )
