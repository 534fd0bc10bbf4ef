"""What people add to calls, and who they are: users, scorecards, verdicts, the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from monitor.store.base import Base


class User(Base):
    """Somebody who signs in. `agent` is the name their calls carry in `Call.agent`."""

    __tablename__ = "users"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)  # what they sign in with
    display: Mapped[str] = mapped_column(default="")
    role: Mapped[str]  # agent, qa, trainer, supervisor, admin
    agent: Mapped[str | None] = mapped_column(index=True)
    password: Mapped[str] = mapped_column(default="")  # a hash; empty: cannot sign in
    language: Mapped[str] = mapped_column(default="zh")
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    # Raised to end every session of this user: web sessions carry it.
    generation: Mapped[int] = mapped_column(default=0)


class ApiToken(Base):
    """A secret that a program signs in with; only its SHA-256 is kept.

    `scope` is what it may do: full, read or send (`monitor.web.scopes`).
    """

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    label: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    scope: Mapped[str] = mapped_column(default="full", server_default="full")
    expires_at: Mapped[datetime | None]


class EndedSession(Base):
    """A browser's session that was signed out before its cookie ran out."""

    __tablename__ = "ended_sessions"

    digest: Mapped[str] = mapped_column(primary_key=True)  # SHA-256 of the session's number
    ended_at: Mapped[datetime]


class Scorecard(Base):
    """A call judged once, by the machine (`author_id` None) or by a person.

    The machine's answers are suggestions: a person's card never overwrites
    them. `total` counts the final cards only; a card in work is a `draft`.
    """

    __tablename__ = "scorecards"
    __table_args__ = (Index("ix_scorecards_call_id_author_id", "call_id", "author_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    status: Mapped[str]  # machine, draft, final, superseded
    purpose: Mapped[str] = mapped_column(default="review")  # review, calibration, appeal
    total: Mapped[float | None]
    max: Mapped[float | None]
    grade: Mapped[str] = mapped_column(default="")
    fatal: Mapped[bool] = mapped_column(default=False)
    comment: Mapped[str] = mapped_column(default="")
    groups: Mapped[list[Any]] = mapped_column(
        default=list
    )  # as `monitor.rules.scorecard.GroupScore`
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    extra: Mapped[dict[str, Any] | None]

    lines: Mapped[list[ScoreLine]] = relationship(
        cascade="all, delete-orphan", order_by="ScoreLine.ordinal"
    )


class ScoreLine(Base):
    """One item of a scorecard."""

    __tablename__ = "score_lines"
    __table_args__ = (UniqueConstraint("scorecard_id", "item"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    scorecard_id: Mapped[int] = mapped_column(ForeignKey("scorecards.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    item: Mapped[str]  # the item's id in the pack
    title: Mapped[str]
    group: Mapped[str] = mapped_column(default="")
    status: Mapped[str]  # as monitor.rules.scorecard writes it
    points: Mapped[float]
    weight: Mapped[float]
    times: Mapped[int] = mapped_column(default=0)  # findings, or scripts missed
    fatal: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(default="")
    comment: Mapped[str] = mapped_column(default="")
    extra: Mapped[dict[str, Any] | None]


class Thumb(Base):
    """An agent's thumb up (1) or down (-1) on a card."""

    __tablename__ = "thumbs"

    alert_id: Mapped[int] = mapped_column(
        ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    value: Mapped[int]
    at: Mapped[datetime]


class Verdict(Base):
    """A person's judgement of one finding, or a finding the machine missed.

    `alert_id` or `script_id` name the finding; both None: a missed one, given
    by `rule` and its span (`verdict` says so too). `pack_id` is the version that
    was judged, so that precision can be told per version. A finding that is gone
    after the call was scored again leaves its verdict behind.
    """

    __tablename__ = "verdicts"
    __table_args__ = (Index("ix_verdicts_rule_at", "rule", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    alert_id: Mapped[int | None] = mapped_column(
        ForeignKey("alerts.id", ondelete="SET NULL"), index=True
    )
    script_id: Mapped[int | None] = mapped_column(
        ForeignKey("scripts.id", ondelete="SET NULL"), index=True
    )
    pack_id: Mapped[int | None] = mapped_column(ForeignKey("packs.id"))
    rule: Mapped[str]
    party: Mapped[str] = mapped_column(default="agent")
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    quote: Mapped[str] = mapped_column(default="")
    verdict: Mapped[str]  # right, wrong, unsure, missed
    reason: Mapped[str] = mapped_column(default="")
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    at: Mapped[datetime]


class Audit(Base):
    """Who looked at or did what, and when. Rows are only ever added, by `monitor.store.audit`."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    actor: Mapped[str]  # the user's name, or "command line"
    action: Mapped[str]  # call.view, call.export, user.create, …
    object: Mapped[str]  # "call 12"
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    digest: Mapped[str] = mapped_column(default="", server_default="")  # see `monitor.store.chain`


class StoreFact(Base):
    """What a store knows of itself: its number, the end of the audit trail's chain."""

    __tablename__ = "store_facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
