"""By whom the score of calls was settled, and when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from monitor.quality import wording
from monitor.store.schema import Call, Scorecard, User


@dataclass(frozen=True, slots=True)
class Settled:
    """A person's card that counts: `purpose` is `review` or `appeal`."""

    purpose: str
    by: str
    at: datetime

    @property
    def title(self) -> str:
        """What it was: a reviewer's scorecard, or a correction."""
        return wording.score_from(self.purpose)


def settled(session: Session, calls: Collection[int]) -> Mapping[int, Settled]:
    """Of these calls, those whose score people settled (`monitor.store.standing`)."""
    if not calls:
        return {}
    query = (
        select(Call.id, Scorecard, User)
        .join(Scorecard, Scorecard.id == Call.people_card)
        .outerjoin(User, User.id == Scorecard.author_id)
        .where(Call.id.in_(calls))
    )
    return {
        number: Settled(card.purpose, wording.person(user), card.changed_at)
        for number, card, user in session.execute(query)
    }
