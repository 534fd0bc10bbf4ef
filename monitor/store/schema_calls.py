"""What calls leave behind: recordings, turns, events, findings, readings, and what finds them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    event,
    func,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from monitor.store.base import Base


class Audio(Base):
    """A recording, kept as a file beside the database under its SHA-256."""

    __tablename__ = "audio"

    digest: Mapped[str] = mapped_column(primary_key=True)
    suffix: Mapped[str]  # ".wav"
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    duration_ms: Mapped[int | None]
    channels: Mapped[int | None]
    added_at: Mapped[datetime]


class Pack(Base):
    """One version of a rule pack, by the digest of its text."""

    __tablename__ = "packs"
    __table_args__ = (UniqueConstraint("name", "digest"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)  # the pack's own id, e.g. unicom-10010
    version: Mapped[str]
    digest: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    text: Mapped[str]  # the YAML as it was
    added_at: Mapped[datetime]


class Call(Base):
    """A call, live or recorded, and the figures that lists sort and filter by."""

    __tablename__ = "calls"
    __table_args__ = (
        Index("ix_calls_agent_started_at", "agent", "started_at"),
        Index("ix_calls_queue_started_at", "queue", "started_at"),
        {"sqlite_autoincrement": True},  # the audit trail names calls for good: no id comes again
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # chosen by whoever sends it; makes retries safe
    name: Mapped[str]
    source: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(index=True)  # live, complete, interrupted, failed
    error: Mapped[str] = mapped_column(default="")  # why it failed or what was damaged
    started_at: Mapped[datetime] = mapped_column(index=True)  # when the call began (else: received)
    received_at: Mapped[datetime]
    duration_ms: Mapped[int] = mapped_column(default=0)
    parties: Mapped[list[Any]] = mapped_column(default=list)
    recogniser: Mapped[str] = mapped_column(default="")
    fingerprint: Mapped[str] = mapped_column(default="", index=True)
    agent: Mapped[str | None]
    queue: Mapped[str | None]
    direction: Mapped[str | None]
    tier: Mapped[str | None]
    released_by: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    audio_digest: Mapped[str | None] = mapped_column(ForeignKey("audio.digest"), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    # Figures of the machine's last scoring, repeated here for fast lists; what counts in the end
    # are the `final_…` figures below.
    score: Mapped[float | None] = mapped_column(index=True)
    score_max: Mapped[float | None]
    grade: Mapped[str] = mapped_column(default="")
    fatal_items: Mapped[int] = mapped_column(default=0, index=True)
    alerts_tip: Mapped[int] = mapped_column(default=0)
    alerts_minor: Mapped[int] = mapped_column(default=0)
    alerts_major: Mapped[int] = mapped_column(default=0)
    alerts_fatal: Mapped[int] = mapped_column(default=0)
    scripts_met: Mapped[int] = mapped_column(default=0)
    scripts_missed: Mapped[int] = mapped_column(default=0)
    gaps: Mapped[int] = mapped_column(default=0)
    flags: Mapped[list[Any]] = mapped_column(default=list)  # set by people, e.g. "复核"
    # The same of the card by which people settled the score, if they did; kept by
    # `monitor.store.standing`. No foreign key: cards refer to calls already.
    people_card: Mapped[int | None]
    people_score: Mapped[float | None]
    people_max: Mapped[float | None]
    people_grade: Mapped[str | None]
    people_fatal: Mapped[int | None]
    # A live call: the lock of the process that writes it (`monitor.store.lease`), and how many
    # of its events have arrived – those before it need not be sent again.
    writer: Mapped[int | None] = mapped_column(BigInteger)
    next_seq: Mapped[int] = mapped_column(default=0)
    # What the call JSON says beside the columns, so that an export gives back what came in.
    head: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)

    packs: Mapped[list[Pack]] = relationship(secondary="call_packs")

    @hybrid_property
    def final_score(self) -> float | None:
        """The score that counts: what people settled on, else the machine's."""
        return self.score if self.people_card is None else self.people_score

    @final_score.inplace.expression
    @classmethod
    def _final_score(cls) -> ColumnElement[float | None]:
        return func.coalesce(cls.people_score, cls.score)

    @hybrid_property
    def final_max(self) -> float | None:
        """The most points there were to earn on the card that counts."""
        return self.score_max if self.people_card is None else self.people_max

    @final_max.inplace.expression
    @classmethod
    def _final_max(cls) -> ColumnElement[float | None]:
        return func.coalesce(cls.people_max, cls.score_max)

    @hybrid_property
    def final_grade(self) -> str:
        """The grade that counts; empty: none."""
        return self.grade if self.people_card is None else self.people_grade or ""

    @final_grade.inplace.expression
    @classmethod
    def _final_grade(cls) -> ColumnElement[str]:
        return func.coalesce(cls.people_grade, cls.grade)

    @hybrid_property
    def final_fatal(self) -> int:
        """How many fatal items are lost on the card that counts."""
        return self.fatal_items if self.people_card is None else self.people_fatal or 0

    @final_fatal.inplace.expression
    @classmethod
    def _final_fatal(cls) -> ColumnElement[int]:
        return func.coalesce(cls.people_fatal, cls.fatal_items)

    @hybrid_property
    def is_fatal(self) -> bool:
        """Whether a fatal item is lost on the card that counts; while that is the machine's,
        a fatal finding is enough."""
        return self.final_fatal > 0 or (self.people_card is None and self.alerts_fatal > 0)

    @is_fatal.inplace.expression
    @classmethod
    def _is_fatal(cls) -> ColumnElement[bool]:
        found = cls.people_card.is_(None) & (cls.alerts_fatal > 0)
        return (func.coalesce(cls.people_fatal, cls.fatal_items) > 0) | found


class CallPack(Base):
    """Which pack versions judged a call."""

    __tablename__ = "call_packs"

    call_id: Mapped[int] = mapped_column(
        ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True
    )
    pack_id: Mapped[int] = mapped_column(ForeignKey("packs.id"), primary_key=True, index=True)


class Utterance(Base):
    """One finished turn. `text` and `syllables` are what full-text search reads."""

    __tablename__ = "utterances"
    __table_args__ = (UniqueConstraint("call_id", "ordinal"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    ordinal: Mapped[int]  # 0, 1, … in the order they were finished
    party: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    text: Mapped[str]
    syllables: Mapped[str]  # toneless pinyin, separated by blanks
    tokens: Mapped[list[Any]]  # as in call JSON
    confirmed_text: Mapped[str | None]  # what a second, better recogniser heard
    extra: Mapped[dict[str, Any] | None]  # what else the call JSON says of it


class SearchTerms(Base):
    """What full-text search looks up, one row per utterance (see `monitor.store.terms`).

    `id` holds the call and the utterance's ordinal: `call_id << 20 | ordinal`; later turns of
    a call that has more than 2²⁰ are kept, but not found.
    SQLite indexes it in the FTS5 table `search_index`, PostgreSQL in two GIN indexes.
    """

    __tablename__ = "search_terms"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]  # pairs of characters
    sounds: Mapped[str]  # pairs of syllables


class StoredEvent(Base):
    """A live call's events as they came; `seq` counts from 0 within the call."""

    __tablename__ = "events"

    call_id: Mapped[int] = mapped_column(
        ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    now_ms: Mapped[int]  # call time up to which audio had arrived
    body: Mapped[dict[str, Any]]  # as `monitor.events.to_json` writes it


class DeletedCall(Base):
    """That a call was deleted: whoever still sends it is told, and does not bring it back."""

    __tablename__ = "deleted_calls"

    key: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[int]
    deleted_at: Mapped[datetime]


class SetAside(Base):
    """What came of a live call and could not be kept in its place, with the reason.

    An event's place (`seq`) is taken by a `Gap`, so that the others keep their numbers; None: a
    scorecard.
    """

    __tablename__ = "set_aside"

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    seq: Mapped[int | None]
    reason: Mapped[str]
    body: Mapped[str]  # as it came, as JSON
    at: Mapped[datetime]


# The tables of FTS5 hold no text of their own; triggers keep them in step, also when a deleted
# call takes its rows along. Tests create the tables from here, a store by its migrations.
SEARCH_SQLITE = (
    (
        "CREATE VIRTUAL TABLE search_index USING fts5(text, sounds, content='search_terms',"
        " content_rowid='id', tokenize='unicode61 remove_diacritics 0')"
    ),
    (
        "CREATE TRIGGER search_terms_insert AFTER INSERT ON search_terms BEGIN"
        " INSERT INTO search_index(rowid, text, sounds)"
        " VALUES (new.id, new.text, new.sounds); END"
    ),
    (
        "CREATE TRIGGER search_terms_delete AFTER DELETE ON search_terms BEGIN"
        " INSERT INTO search_index(search_index, rowid, text, sounds)"
        " VALUES ('delete', old.id, old.text, old.sounds); END"
    ),
)
SEARCH_POSTGRESQL = tuple(
    f"CREATE INDEX search_terms_{column} ON search_terms"
    f" USING gin (array_to_tsvector(string_to_array({column}, ' ')))"
    for column in ("text", "sounds")
)
for _dialect, _statements in (("sqlite", SEARCH_SQLITE), ("postgresql", SEARCH_POSTGRESQL)):
    for _statement in _statements:
        event.listen(
            SearchTerms.__table__,
            "after_create",
            DDL(_statement).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]
        )


NOT_COUNTED = ("retracted", "dismissed")
"""States of a finding that counts nowhere: taken back by a second recogniser, or by people
who upheld an appeal against it (a script that was wrongly missed is `dismissed` too)."""


class Alert(Base):
    """A finding in its last state; fields as `monitor.events.Alert`."""

    __tablename__ = "alerts"
    __table_args__ = (
        UniqueConstraint("call_id", "key"),
        Index("ix_alerts_rule_call_id", "rule", "call_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    key: Mapped[str]  # the event's own id
    ordinal: Mapped[int]  # the order in which they were raised
    rule: Mapped[str]
    title: Mapped[str]
    family: Mapped[str]
    severity: Mapped[str]
    party: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    at_ms: Mapped[int]
    quote: Mapped[str]
    similarity: Mapped[float]
    advice: Mapped[str]
    state: Mapped[str]
    interrupts: Mapped[bool]
    evidence: Mapped[dict[str, Any]]
    extra: Mapped[dict[str, Any] | None]


class Script(Base):
    """A required script in its last state; fields as `monitor.events.ScriptState`."""

    __tablename__ = "scripts"
    __table_args__ = (
        UniqueConstraint("call_id", "rule", "occurrence"),
        Index("ix_scripts_rule_call_id", "rule", "call_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    rule: Mapped[str]
    occurrence: Mapped[int]
    ordinal: Mapped[int]  # the order in which they came up
    title: Mapped[str]
    state: Mapped[str]
    at_ms: Mapped[int]
    deadline_ms: Mapped[int | None]
    start_ms: Mapped[int | None]
    end_ms: Mapped[int | None]
    quote: Mapped[str]
    similarity: Mapped[float]
    advice: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    extra: Mapped[dict[str, Any] | None]


class Reading(Base):
    """A measured quantity; names and units in docs/call-json.md."""

    __tablename__ = "readings"

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    value: Mapped[float]
    unit: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    party: Mapped[str | None]
    extra: Mapped[dict[str, Any] | None]


class Gap(Base):
    """Audio lost or not processed."""

    __tablename__ = "gaps"

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    party: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    reason: Mapped[str]
    extra: Mapped[dict[str, Any] | None]
