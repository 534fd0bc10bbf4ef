"""The tables of quality assurance, beside those of the store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from monitor.store.schema import Base


class Plan(Base):
    """A sampling plan: which calls people review. `settings` as `monitor.qa.sampling.Plan`."""

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
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # as `monitor.qa.metadata.Known`
    worker: Mapped[int | None] = mapped_column(BigInteger)
    call_id: Mapped[int | None] = mapped_column(ForeignKey("calls.id", ondelete="SET NULL"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    added_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
