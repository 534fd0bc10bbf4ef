"""Chained audit rows, ended sessions, what tokens may do, what was deleted or set aside."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from monitor.store import chain

revision = "0005"
down_revision = "0004"

_AUDIT = sa.table(
    "audit",
    *(sa.column(name) for name in ("id", "user_id", "actor", "action", "object", "digest")),
    sa.column("at", sa.DateTime()),
    sa.column("detail", sa.JSON()),
)


def upgrade() -> None:
    op.create_table(
        "store_facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_store_facts"),
    )
    op.create_table(
        "ended_sessions",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_ended_sessions"),
    )
    op.create_table(
        "deleted_calls",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_deleted_calls"),
    )
    op.create_table(
        "set_aside",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_set_aside"),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name="fk_set_aside_call_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_set_aside_call_id", "set_aside", ["call_id"])
    op.add_column(
        "api_tokens", sa.Column("scope", sa.Text(), nullable=False, server_default="full")
    )
    op.add_column("api_tokens", sa.Column("expires_at", sa.DateTime(), nullable=True))
    op.add_column("audit", sa.Column("digest", sa.Text(), nullable=False, server_default=""))
    _facts()
    # A retracted finding counted on where it was the last of its severity.
    for level in ("tip", "minor", "major", "fatal"):
        standing = (
            "(SELECT count(*) FROM alerts a WHERE a.call_id = calls.id"
            f" AND a.severity = '{level}' AND a.state NOT IN ('retracted', 'dismissed'))"
        )
        op.execute(f"UPDATE calls SET alerts_{level} = {standing} WHERE alerts_{level} > 0")


def _facts() -> None:
    """The store's own number, and the chain over the rows of the trail that are there."""
    connection = op.get_bind()
    columns = [_AUDIT.c[name] for name in ("id", *chain.FIELDS)]
    before, count = "", 0
    rows = connection.execute(sa.select(*columns).order_by(_AUDIT.c.id)).mappings().all()
    for row in rows:
        said = {name: row[name] for name in chain.FIELDS}
        before, count = chain.link(before, said), count + 1
        connection.execute(sa.update(_AUDIT).where(_AUDIT.c.id == row["id"]).values(digest=before))
    facts = sa.table("store_facts", sa.column("name"), sa.column("value"))
    values = {"store": secrets.token_hex(16), chain.HEAD: before, chain.COUNT: str(count)}
    op.bulk_insert(facts, [{"name": name, "value": value} for name, value in values.items()])
