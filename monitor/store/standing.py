"""Which card of a call counts: the last word of people, else the machine's.

People have their say on a reviewer's scorecard and on the correction that
follows an appeal that was upheld. The last of these counts – a correction
stands until somebody reviews the call again. Drafts and superseded cards do
not count; calibration is practice and never does. The machine's own card and
figures stay as they are beside it.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.store.schema import Call, Scorecard

SETTLING = ("review", "appeal")
"""The purposes of cards that count."""


def card_that_counts(session: Session, call_id: int) -> Scorecard | None:
    """The card by which people settled the score of a call; None: the machine's counts."""
    query = (
        select(Scorecard)
        .where(
            Scorecard.call_id == call_id,
            Scorecard.status == "final",
            Scorecard.purpose.in_(SETTLING),
            Scorecard.total.is_not(None),
        )
        .order_by(Scorecard.changed_at.desc(), Scorecard.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def settle(session: Session, call: Call) -> None:
    """Repeat on the call the figures of the card that counts, after people added one."""
    session.flush()
    card = card_that_counts(session, call.id)
    call.people_card = card.id if card else None
    call.people_score = card.total if card else None
    call.people_max = card.max if card else None
    call.people_grade = card.grade if card else None
    call.people_fatal = sum(line.fatal for line in card.lines) if card else None
    session.flush()
