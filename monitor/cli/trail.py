"""The audit trail of what the command line does: who ran it, as the system names them."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def record(session: Session, action: str, thing: str, **detail: Any) -> None:
    """Note in the session's transaction that `action` was done to `thing` (`call 12`)."""
    from monitor.store import audit

    try:
        person = getpass.getuser()
    except (KeyError, OSError):  # a container without that user
        person = ""
    audit.record(session, audit.COMMAND_LINE, None, action, thing, person=person, **detail)
