"""The audit trail: who looked at or did what, and when. Rows are only ever added.

They are chained (`monitor.store.chain`), so that a change by other means shows. Their order is
that of the commits: rows are put in line when their transaction is about to end, under a lock
that lasts until it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, insert, select, text, update
from sqlalchemy.orm import Session

from monitor.store import chain
from monitor.store.base import cleaned
from monitor.store.schema import Audit, StoreFact, now

COMMAND_LINE = "command line"
_TRAIL = "trail"  # where a session keeps the rows of its transaction
_LOCK = 0x61756469742121  # "audit!!": a number of PostgreSQL's advisory locks


@dataclass(frozen=True, slots=True)
class Proof:
    """What looking through the trail found: how many rows fit, and what does not."""

    rows: int
    head: str
    problems: tuple[tuple[int, str], ...]
    """(row, what is wrong: "changed", "missing", "cut off")."""


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
    row = {
        "at": now(),
        "actor": cleaned(actor),
        "user_id": user_id,
        "action": cleaned(action),
        "object": cleaned(object),
        "detail": detail,
    }
    session.info.setdefault(_TRAIL, []).append(row)


def prove(session: Session) -> Proof:
    """Look whether every row follows from the one before, and none is missing at the end."""
    before, count, problems = "", 0, []
    for row in session.scalars(select(Audit).order_by(Audit.id).execution_options(yield_per=500)):
        expected = chain.link(before, {name: getattr(row, name) for name in chain.FIELDS})
        if row.digest != expected:
            problems.append((row.id, "changed"))
        before, count = row.digest, count + 1
    facts = _facts(session)
    if facts[chain.COUNT] != str(count):
        problems.append((int(facts[chain.COUNT] or 0), "missing"))
    elif facts[chain.HEAD] != before:
        problems.append((count, "cut off"))
    return Proof(count, before, tuple(problems))


def _facts(session: Session) -> Mapping[str, str]:
    asked = select(StoreFact).where(StoreFact.name.in_((chain.HEAD, chain.COUNT)))
    found = {fact.name: fact.value for fact in session.scalars(asked)}
    return {chain.HEAD: "", chain.COUNT: "0", **found}


def _put_in_line(session: Session) -> None:
    rows = session.info.get(_TRAIL)
    if not rows or session.in_nested_transaction():
        return
    session.info[_TRAIL] = []
    session.flush()  # whoever the rows name is there before them
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
    before = _facts(session)
    head, count = before[chain.HEAD], int(before[chain.COUNT])
    for row in rows:
        head = row["digest"] = chain.link(head, row)
    session.execute(insert(Audit), rows)
    for name, value in ((chain.HEAD, head), (chain.COUNT, str(count + len(rows)))):
        kept = update(StoreFact).where(StoreFact.name == name).values(value=value)
        if not session.execute(kept).rowcount:  # type: ignore[attr-defined]
            session.execute(insert(StoreFact), [{"name": name, "value": value}])


event.listen(Session, "before_commit", _put_in_line)
