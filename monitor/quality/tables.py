"""The tables of quality assurance and review, beside those of the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from monitor.store.schema import Base


class Plan(Base):
    """A sampling plan: which calls people review.

    `settings` as `monitor.quality.sampling.plans.Plan`.
    """

    __tablename__ = "qa_plans"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    settings: Mapped[dict[str, Any]]
    active: Mapped[bool] = mapped_column(default=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    drawn_at: Mapped[datetime | None]


class Task(Base):
    """A call drawn for review. A call is drawn once, by whichever plan came first."""

    __tablename__ = "qa_tasks"
    __table_args__ = (
        UniqueConstraint("call_id"),
        Index("ix_qa_tasks_status_reviewer_id", "status", "reviewer_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    plan_id: Mapped[int | None] = mapped_column(
        ForeignKey("qa_plans.id", ondelete="SET NULL"), index=True
    )
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    status: Mapped[str]  # open, done, skipped
    reason: Mapped[str]  # why it was drawn, or why it was skipped
    priority: Mapped[float]  # higher is reviewed first
    drawn_at: Mapped[datetime]
    assigned_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]


class SavedView(Base):
    """A calls table as somebody likes it: the query string of the page."""

    __tablename__ = "qa_views"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    query: Mapped[str]
    created_at: Mapped[datetime]


class Import(Base):
    """A recording on its way into the store.

    `place` is the file; together with its size and its time of change it names
    one version of a recording, which is scored once. The program that scores it
    puts the number of its lease (`monitor.store.lease`) into `worker`; when it
    dies, the next one takes over.
    """

    __tablename__ = "qa_imports"
    __table_args__ = (
        UniqueConstraint("place", "size", "changed_ns"),
        Index("ix_qa_imports_status_id", "status", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    origin: Mapped[str]  # upload, or the watched folder
    place: Mapped[str]
    name: Mapped[str]  # what the user calls it
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    changed_ns: Mapped[str]  # time of change in ns; text, as no database type is sure to hold it
    status: Mapped[str]  # waiting, scoring, done, failed, duplicate
    progress: Mapped[float] = mapped_column(default=0.0)  # 0 to 1
    reason: Mapped[str] = mapped_column(default="")  # why it failed
    tries: Mapped[int] = mapped_column(default=0)
    facts: Mapped[dict[str, Any]] = mapped_column(
        default=dict
    )  # as `monitor.quality.imports.metadata.Known`
    worker: Mapped[int | None] = mapped_column(BigInteger)
    call_id: Mapped[int | None] = mapped_column(ForeignKey("calls.id", ondelete="SET NULL"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    added_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


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
    """An agent contests a finding; a reviewer decides.

    States: `monitor.quality.review.appeal_policy`.
    """

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
    form: Mapped[dict[str, Any]]  # as `monitor.quality.review.calibration.form_data`


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
