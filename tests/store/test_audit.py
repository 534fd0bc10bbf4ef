"""The audit trail: a change by other means than the program shows."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from monitor.store import Store, audit
from monitor.store.schema import Audit, User, now


def _fill(store: Store, rows: int = 6) -> None:
    for number in range(rows):
        with store.session() as session:
            audit.record(
                session, "qa", None, "call.view", f"call {number}", text="您好", more=[1.5]
            )
            if number % 2:
                audit.record(session, "坏\ud800\0名", None, "login", "")


def test_a_trail_that_nobody_touched_is_whole(store: Store) -> None:
    _fill(store)
    with store.reading() as session:
        proof = audit.prove(session)
    assert (proof.rows, proof.problems) == (9, ())
    assert len(proof.head) == 64


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET actor = 'somebody' WHERE id = 4",
        "UPDATE audit SET object = 'call 9' WHERE id = 9",
        "UPDATE audit SET at = '2020-01-01 00:00:00' WHERE id = 2",
        "UPDATE audit SET detail = '{}' WHERE id = 1",
        "UPDATE audit SET user_id = (SELECT id FROM users) WHERE id = 3",
        "DELETE FROM audit WHERE id = 5",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit WHERE id > 6",
        "DELETE FROM audit",
        (
            "INSERT INTO audit (id, at, actor, action, object, detail, digest)"
            " SELECT 100, at, actor, action, object, detail, digest FROM audit WHERE id = 3"
        ),
        "UPDATE audit SET digest = (SELECT digest FROM audit WHERE id = 1) WHERE id = 2",
    ],
)
def test_a_change_by_sql_shows(store: Store, change: str) -> None:
    _fill(store)
    with store.session() as session:
        session.add(User(name="x", role="qa", created_at=now()))
        session.flush()
        session.execute(text(change))
    with store.reading() as session:
        assert audit.prove(session).problems


def test_rows_of_several_writers_make_one_chain(store: Store) -> None:
    threads = [threading.Thread(target=_fill, args=(store, 8)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as session:
        proof = audit.prove(session)
    assert (proof.rows, proof.problems) == (48, ())


def test_what_is_rolled_back_leaves_no_row(store: Store) -> None:
    def fail(session: Session) -> None:
        audit.record(session, "qa", None, "call.view", "call 1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.session() as session:
        fail(session)
    with store.reading() as session:
        assert session.scalars(select(Audit)).all() == []
