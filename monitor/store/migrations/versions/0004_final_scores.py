"""Calls repeat the figures of the card by which people settled their score."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_CARD = """
    SELECT s.id FROM scorecards s
    WHERE s.call_id = calls.id AND s.status = 'final' AND s.purpose IN ('review', 'appeal')
      AND s.total IS NOT NULL
    ORDER BY s.changed_at DESC, s.id DESC LIMIT 1
"""
_OF_CARD = "(SELECT s.{column} FROM scorecards s WHERE s.id = calls.people_card)"
_FATAL = "(SELECT count(*) FROM score_lines l WHERE l.scorecard_id = calls.people_card AND l.fatal)"


def upgrade() -> None:
    for name, kind in (
        ("people_card", sa.Integer()),
        ("people_score", sa.Double()),
        ("people_max", sa.Double()),
        ("people_grade", sa.Text()),
        ("people_fatal", sa.Integer()),
    ):
        op.add_column("calls", sa.Column(name, kind, nullable=True))
    op.execute(f"UPDATE calls SET people_card = ({_CARD})")
    values = ", ".join(
        f"people_{name} = {_OF_CARD.format(column=column)}"
        for name, column in (("score", "total"), ("max", '"max"'), ("grade", "grade"))
    )
    op.execute(f"UPDATE calls SET {values}, people_fatal = {_FATAL} WHERE people_card IS NOT NULL")
