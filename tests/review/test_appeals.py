"""The rules of an appeal: until when, how often, and what may follow what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.base.errors import UserError
from monitor.quality.review.appeal_policy import (
    AppealPolicy,
    AppealState,
    answer_by,
    deadline,
    decided,
    policy_of,
    refusal,
    withdrawn,
)

_KNOWN = datetime(2026, 3, 2, 9, tzinfo=UTC)
_FILED, _UPHELD, _REJECTED, _WITHDRAWN = AppealState
_POLICY = AppealPolicy(days=7, answer_days=3, per_finding=1, per_call=2)


def _refusal(
    days: float,
    of_finding: list[AppealState] | None = None,
    of_call: list[AppealState] | None = None,
) -> str:
    now = _KNOWN + timedelta(days=days)
    return refusal(_POLICY, _KNOWN, now, of_finding or [], of_call or [])


def test_within_the_deadline_and_not_after() -> None:
    assert _refusal(0) == ""
    assert _refusal(7) == ""
    assert "7 天" in _refusal(7.01)
    assert deadline(_POLICY, _KNOWN) == _KNOWN + timedelta(days=7)
    assert answer_by(_POLICY, _KNOWN) == _KNOWN + timedelta(days=3)


def test_a_finding_is_contested_so_often_and_no_more() -> None:
    assert "等待" in _refusal(1, [_FILED], [_FILED])
    assert "每个发现" in _refusal(1, [_REJECTED], [_REJECTED])
    assert _refusal(1, [_WITHDRAWN], [_WITHDRAWN]) == ""


def test_a_call_is_contested_so_often_and_no_more() -> None:
    assert _refusal(1, [], [_REJECTED]) == ""
    assert "每通" in _refusal(1, [], [_REJECTED, _UPHELD])
    assert _refusal(1, [], [_REJECTED, _WITHDRAWN]) == ""


def test_only_an_open_appeal_changes() -> None:
    assert decided(_FILED, upheld=True) is _UPHELD
    assert decided(_FILED, upheld=False) is _REJECTED
    assert withdrawn(_FILED) is _WITHDRAWN
    for state in (_UPHELD, _REJECTED, _WITHDRAWN):
        with pytest.raises(UserError, match="已经处理或撤回"):
            decided(state, upheld=True)
        with pytest.raises(UserError, match="已经处理或撤回"):
            withdrawn(state)


@pytest.mark.parametrize(
    "value", [{"days": -1}, {"days": 400}, {"answer_days": 0}, {"weeks": 2}, {"days": "7"}]
)
def test_a_wrong_setting_is_named(value: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(value))):
        policy_of(value)


def test_settings_left_out_are_the_defaults() -> None:
    assert policy_of({"days": 14}) == AppealPolicy(days=14)
