"""What is done to users, by the administrator's page and by `monitor users`."""

from __future__ import annotations

import secrets
import unicodedata

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session, object_session

from monitor.base.errors import UserError
from monitor.base.i18n import language, tr
from monitor.store.schema import ApiToken, User, now
from monitor.web.deps import digest
from monitor.web.passwords import Passwords, acceptable
from monitor.web.roles import Role
from monitor.web.scopes import DAYS, LONGEST_DAYS, Scope, lasting

_TOKEN_PREFIX = "cmt_"  # lets secret scanners recognise a leaked token
_MAX_NAME = 64


def add(
    db: Session,
    passwords: Passwords,
    name: str,
    role: Role,
    password: str,
    *,
    display: str = "",
    agent: str | None = None,
) -> User:
    """A new user. An agent's calls carry their sign-in name unless `agent` says otherwise.

    Raises:
        UserError: a name that is taken or no name, or a password that may not be used.
    """
    name = clean_name(name)
    hashed = passwords.hash(acceptable(password, name))
    return add_hashed(db, name, role, hashed, display, agent)


def add_hashed(
    db: Session, name: str, role: Role, hashed: str, display: str = "", agent: str | None = None
) -> User:
    """As `add`, with the hash of a password; an empty one lets nobody sign in.

    Raises:
        UserError: a name that is taken.
    """
    if db.scalar(select(User.id).where(func.lower(User.name) == name.lower())) is not None:
        raise UserError(tr(f"用户名 {name} 已被使用", f"there is a user {name} already"))
    user = User(
        name=name,
        display=display.strip()[:_MAX_NAME],
        role=role.value,
        agent=(agent or "").strip()[:_MAX_NAME] or (name if role is Role.AGENT else None),
        password=hashed,
        language=language(),
        active=True,
        created_at=now(),
        generation=0,
    )
    db.add(user)
    db.flush()
    return user


def clean_name(name: str) -> str:
    """A name to sign in with, in one form of writing.

    Raises:
        UserError: empty, too long, or with characters that cannot be seen or typed.
    """
    name = unicodedata.normalize("NFKC", name).strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable() or " " in name:
        raise UserError(
            tr(
                f"用户名须为 1 到 {_MAX_NAME} 个字符，不含空格",
                f"a user's name has 1 to {_MAX_NAME} characters and no blank",
            )
        )
    return name


def sign_in_name(name: str) -> str:
    """What somebody typed as their name, in the one form in which names are compared."""
    return unicodedata.normalize("NFKC", name).strip().lower()


def find(db: Session, name: str) -> User:
    """The user of that name.

    Raises:
        UserError: there is none.
    """
    user = db.scalar(select(User).where(func.lower(User.name) == sign_in_name(name)))
    if user is None:
        raise UserError(tr(f"没有用户 {name}", f"there is no user {name}"))
    return user


def set_password(passwords: Passwords, user: User, password: str) -> None:
    """A new password; every session of the user ends, and every API token: whoever had the old
    password may have made one.

    Raises:
        UserError: a password that may not be used.
    """
    user.password = passwords.hash(acceptable(password, user.name))
    user.generation += 1
    session = object_session(user)
    if session is not None:
        own = update(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
        session.execute(own.values(revoked_at=now()))


def change(
    db: Session, user: User, *, role: Role | None = None, active: bool | None = None
) -> None:
    """Change role or activity; sessions of the user end.

    Raises:
        UserError: nobody would be left to administer.
    """
    loses = user.role == Role.ADMIN and (active is False or role not in (None, Role.ADMIN))
    if loses and user.active and administrators(db) == 1:
        raise UserError(tr("不能停用或降级最后一名管理员", "the last administrator must stay one"))
    if role is not None:
        user.role = role.value
        if role is Role.AGENT and not user.agent:
            user.agent = user.name
    if active is not None:
        user.active = active
    user.generation += 1


def new_token(
    db: Session, user: User, label: str, scope: Scope = Scope.FULL, days: int = DAYS
) -> tuple[ApiToken, str]:
    """An API token of the user, and its secret, which is shown once and never kept; 0 days: it
    lasts until it is revoked.

    Raises:
        UserError: for longer than anybody should ask.
    """
    if not 0 <= days <= LONGEST_DAYS:
        raise UserError(
            tr(
                f"有效期为 0 到 {LONGEST_DAYS} 天(0：直到吊销)",
                f"a token lasts 0 to {LONGEST_DAYS} days (0: until it is revoked)",
            )
        )
    made, lasts = now(), lasting(days)
    secret = _TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        user_id=user.id,
        label=label.strip()[:100] or "API",
        digest=digest(secret),
        created_at=made,
        scope=scope.value,
        expires_at=None if lasts is None else made + lasts,
    )
    db.add(token)
    db.flush()
    return token, secret


def revoke_token(db: Session, user: User, token_id: int) -> None:
    """End a token of the user.

    Raises:
        UserError: they have no such token.
    """
    changed = db.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(ApiToken.id)
    ).first()
    if changed is None:
        raise UserError(tr(f"没有令牌 {token_id}", f"there is no token {token_id}"))


def administrators(db: Session) -> int:
    """How many active administrators there are."""
    count = select(func.count()).where(User.role == Role.ADMIN.value, User.active.is_(True))
    return db.scalar(count) or 0


def anybody(db: Session) -> bool:
    """Whether there is a user who can sign in."""
    return bool(db.scalar(select(exists().where(User.password != ""))))
