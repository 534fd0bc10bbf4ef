"""Events that cannot be kept: set aside with the reason, so that the others go on.

The slow, careful way to write what a quick transaction could not: every event on its own. One
that fails leaves a `Gap` in its place – whoever reads the call sees that something is missing,
and the numbers of the others stay – and is kept as it came in `schema.SetAside`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from monitor import events as nouns
from monitor.events import Event, Gap, Party
from monitor.store.ingest import HoleError, append_events, save_score
from monitor.store.problems import StoreError
from monitor.store.schema import SetAside, now

_MAX_MS = 2**31 - 1
_MAX_REASON = 500

_log = logging.getLogger(__name__)


def append_carefully(
    session: Session, call_id: int, first_seq: int, events: Sequence[tuple[Event, int]]
) -> int:
    """As `append_events`; returns how many were set aside.

    Raises:
        HoleError: events before these are missing.
        StoreError: the store as a whole cannot be written.
    """
    failed = 0
    for seq, (event, now_ms) in enumerate(events, first_seq):
        try:
            with session.begin_nested():
                append_events(session, call_id, seq, [(event, now_ms)])
        except (StoreError, HoleError):
            raise
        except Exception as error:  # whatever is wrong with it, the others go on
            _set_aside(session, call_id, seq, nouns.to_json(event), error)
            append_events(session, call_id, seq, [(_gap(event, error), now_ms)])
            failed += 1
    return failed


def save_carefully(session: Session, call_id: int, score: Mapping[str, Any]) -> int:
    """As `save_score`; returns 1 when the card was set aside, else 0."""
    try:
        with session.begin_nested():
            save_score(session, call_id, score)
    except StoreError:
        raise
    except Exception as error:  # a bad card is no reason to lose the events
        _set_aside(session, call_id, None, json.dumps(score), error)
        return 1
    return 0


def _set_aside(
    session: Session, call_id: int, seq: int | None, body: str, error: Exception
) -> None:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_REASON]
    _log.error("call %d, event %s set aside: %s", call_id, seq, reason)
    session.add(SetAside(call_id=call_id, seq=seq, reason=reason, body=body, at=now()))
    session.flush()


def _gap(event: Event, error: Exception) -> Gap:
    at_ms = getattr(event, "start_ms", getattr(event, "at_ms", 0))
    at_ms = min(max(at_ms, 0), _MAX_MS) if isinstance(at_ms, int) else 0
    party = getattr(event, "party", None)
    party = party if isinstance(party, Party) else Party.AGENT
    return Gap(party, at_ms, at_ms, f"not stored: {type(error).__name__}")
