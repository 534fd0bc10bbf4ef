"""The audit trail: who looked at or did what, and when. Rows are only ever added."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from monitor.store.schema import Audit, now

COMMAND_LINE = "command line"


def record(
    session: Session,
    actor: str,
    user_id: int | None,
    action: str,
    object: str,  # noqa: A002 - the trail's own word, as in the table
    **detail: Any,
) -> None:
    """Add a row in the transaction of what it records: both are kept or neither.

    `action` is `thing.verb` (`call.view`, `user.create`), `object` names the
    thing (`call 12`), `detail` is what else is worth knowing, as JSON data.
    """
    session.add(
        Audit(at=now(), actor=actor, user_id=user_id, action=action, object=object, detail=detail)
    )
