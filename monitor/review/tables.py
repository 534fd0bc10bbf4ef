"""The tables of the trainer's review. Verdicts themselves are in `monitor.store.schema`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from monitor.store.schema import Base


class CallReview(Base):
    """A person heard a whole call: what they did not mark as missed was not there.

    Only such calls say anything about recall.
    """

    __tablename__ = "call_reviews"
    __table_args__ = (UniqueConstraint("call_id", "reviewer_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]


class Case(Base):
    """A stretch of a call worth learning from."""

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_rule_created_at", "rule", "created_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id", ondelete="SET NULL"))
    kind: Mapped[str]  # good, bad
    rule: Mapped[str] = mapped_column(default="")  # the rule it teaches; empty: none of ours
    title: Mapped[str]
    party: Mapped[str] = mapped_column(default="agent")
    start_ms: Mapped[int]  # the clip, a little wider than the words
    end_ms: Mapped[int]
    note: Mapped[str] = mapped_column(default="")  # the answer a learner is shown
    shared: Mapped[bool] = mapped_column(default=False)  # agents may learn from the clip too
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class CaseAnswer(Base):
    """What a learner said of a case before seeing the answer."""

    __tablename__ = "case_answers"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]  # good, bad
    rule: Mapped[str] = mapped_column(default="")
    said: Mapped[str] = mapped_column(default="")
    right: Mapped[bool]
    at: Mapped[datetime]


class Appeal(Base):
    """An agent contests a finding; a reviewer decides. States: `monitor.review.appeals`."""

    __tablename__ = "appeals"
    __table_args__ = (
        Index("ix_appeals_state_filed_at", "state", "filed_at"),
        Index("ix_appeals_author_id_filed_at", "author_id", "filed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"), index=True)
    rule: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    reason: Mapped[str]
    filed_at: Mapped[datetime]
    answer_by: Mapped[datetime]
    state: Mapped[str]  # filed, upheld, rejected, withdrawn
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decision: Mapped[str] = mapped_column(default="")  # the reviewer's reason
    decided_at: Mapped[datetime | None]
    score_before: Mapped[float | None]
    score_after: Mapped[float | None]
    scorecard_id: Mapped[int | None] = mapped_column(
        ForeignKey("scorecards.id", ondelete="SET NULL")
    )
    rescore_note: Mapped[str] = mapped_column(default="")  # why there is no re-score, if so


class Calibration(Base):
    """Several reviewers score the same calls without seeing each other's cards."""

    __tablename__ = "calibrations"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]  # from then on everybody sees everything


class CalibrationCall(Base):
    """A call of a calibration, and the form as it stood when it was set up."""

    __tablename__ = "calibration_calls"

    calibration_id: Mapped[int] = mapped_column(
        ForeignKey("calibrations.id", ondelete="CASCADE"), primary_key=True
    )
    call_id: Mapped[int] = mapped_column(
        ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    ordinal: Mapped[int]
    form: Mapped[dict[str, Any]]  # as `monitor.review.calibrating.form_data`


class CalibrationMember(Base):
    """Who scores in a calibration."""

    __tablename__ = "calibration_members"

    calibration_id: Mapped[int] = mapped_column(
        ForeignKey("calibrations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class CalibrationCard(Base):
    """One member's scorecard (purpose `calibration`) of one call."""

    __tablename__ = "calibration_cards"

    calibration_id: Mapped[int] = mapped_column(
        ForeignKey("calibrations.id", ondelete="CASCADE"), primary_key=True
    )
    call_id: Mapped[int] = mapped_column(
        ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    scorecard_id: Mapped[int] = mapped_column(
        ForeignKey("scorecards.id", ondelete="CASCADE"), unique=True
    )


class ReviewSetting(Base):
    """A setting of the review made in the browser, e.g. `appeals`."""

    __tablename__ = "review_settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
