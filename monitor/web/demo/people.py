"""The users of a demonstration, one per role, with passwords made up at every start."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.store import audit
from monitor.store.schema import Audit, Call, User
from monitor.web import look, users
from monitor.web.passwords import Passwords
from monitor.web.roles import Role

if TYPE_CHECKING:
    from monitor.store import Store

MARK = "demo.prepare"
"""The action in the audit trail that says a store is a demonstration's."""

AGENT = "1001"
"""The agent whose panel shows the live call."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the demonstration."""

    name: str
    role: Role
    display: str


def cast() -> tuple[Person, ...]:
    return (
        Person(AGENT, Role.AGENT, tr("李雷", "Li Lei")),
        Person("qa", Role.QA, tr("韩梅梅", "Han Meimei")),
        Person("trainer", Role.TRAINER, tr("王芳", "Wang Fang")),
        Person("supervisor", Role.SUPERVISOR, tr("张伟", "Zhang Wei")),
        Person("admin", Role.ADMIN, tr("陈静", "Chen Jing")),
    )


def prepare(store: Store) -> Mapping[str, str]:
    """Put the demonstration's users into an empty store, or into one it has used before.

    Returns their passwords, by name.

    Raises:
        UserError: the store holds something else.
    """
    passwords = Passwords()
    chosen = {person.name: secrets.token_urlsafe(9) for person in cast()}
    hashes = {name: passwords.hash(password) for name, password in chosen.items()}
    with store.session() as session:
        _check(session, store.url_shown)
        for person in cast():
            user = session.scalar(select(User).where(User.name == person.name))
            if user is None:
                user = users.add_hashed(
                    session, person.name, person.role, hashes[person.name], person.display
                )
            else:
                user.password = hashes[person.name]
                user.generation += 1
                user.active = True
        audit.record(session, audit.COMMAND_LINE, None, MARK, "store")
    return chosen


def tell(passwords: Mapping[str, str]) -> None:
    """Print who may sign in."""
    click.echo(
        tr("演示用户（密码每次启动都会更换）：", "demo users (new passwords at every start):")
    )
    for person in cast():
        role = look.role_name(person.role)
        click.echo(f"  {person.name:<12}{passwords[person.name]:<16}{role} {person.display}")


def _check(session: Session, shown: str) -> None:
    known = session.scalar(select(func.count()).where(Audit.action == MARK))
    anything = session.scalar(select(func.count()).select_from(User)) or session.scalar(
        select(func.count()).select_from(Call)
    )
    if anything and not known:
        raise UserError(
            tr(
                f"{shown}：已有数据，演示只用空库；请用 --store 另指定一个文件夹",
                f"{shown}: not empty, and a demonstration wants an empty store;"
                " give another folder with --store",
            )
        )
