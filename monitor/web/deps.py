"""What handlers ask for: a database session, the signed-in user, a role, a call they may see."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, HTTPException, WebSocketException
from sqlalchemy import ColumnElement, false, select, true, update
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket

from monitor.base.i18n import tr
from monitor.store import audit
from monitor.store.schema import ApiToken, Call, EndedSession, User
from monitor.web import scopes
from monitor.web.limits import Recent
from monitor.web.roles import Role
from monitor.web.settings import WebSettings

if TYPE_CHECKING:
    from monitor.store import Store

_ASKING = frozenset({"GET", "HEAD"})
_REACHED = "reached"  # where a session keeps the calls that were found, and for whom
_WRITE = "write"  # where a reading session keeps the way to write
_TOUCH_S = 60
"""How exactly the last use of a token is kept; each request need not write."""


class NotSignedInError(Exception):
    """Nobody is signed in: a page sends to the sign-in, the API answers 401."""


def settings(connection: HTTPConnection) -> WebSettings:
    """What the server was started with."""
    found: WebSettings = connection.app.state.settings
    return found


def db(connection: HTTPConnection) -> Iterator[Session]:
    """A session of the store for one request.

    A request that only asks (GET) reads one state of the store and holds up
    nobody; what it leaves behind, its audit record, goes through `leave`. Any
    other one is a transaction that commits when the handler returns, before the
    answer is sent.
    """
    store = settings(connection).store
    asks = connection.scope["method"] in _ASKING
    with asking(store) if asks else store.session() as session:
        yield session
        _note_reached(connection, session)


@contextmanager
def asking(store: Store) -> Iterator[Session]:
    """A session that reads, and knows how to `leave` something."""
    with store.reading() as session:
        session.info[_WRITE] = store.session
        yield session


@contextmanager
def leave(db: Session) -> Iterator[Session]:
    """A session that may write, whatever sort of request `db` belongs to."""
    if _WRITE in db.info:
        with db.info[_WRITE]() as session:
            yield session
    else:
        yield db


Db = Annotated[Session, Depends(db, scope="function")]


def user(connection: HTTPConnection) -> User:
    """Who is signed in, by API token or by the browser's session.

    A copy, loaded in a session of its own: change `db.get_one(User, user.id)`.
    So a handler takes the store's write lock no sooner than it asks for something.

    Raises:
        NotSignedInError: nobody, or somebody who has been shut out since.
    """
    with asking(settings(connection).store) as session:
        found = find_user(connection, session)
    if found is None:
        raise NotSignedInError
    connection.state.user = found
    return found


SignedIn = Annotated[User, Depends(user)]


def find_user(connection: HTTPConnection, db: Session) -> User | None:
    """The active user behind a connection, or None."""
    authorization = connection.headers.get("authorization")
    if authorization is not None:
        scheme, _, secret = authorization.partition(" ")
        token = valid_token(db, secret.strip()) if scheme.lower() == "bearer" else None
        if token is None or not scopes.allows(token.scope, connection):
            return None
        return token_user(db, token)
    local = settings(connection).local_agent
    number = connection.session.get("user", local)
    found = db.get(User, number) if isinstance(number, int) else None
    if found is None or not found.active:
        return None
    if number != local and not _goes_on(connection, db, found):
        return None
    return found


def _goes_on(connection: HTTPConnection, db: Session, user: User) -> bool:
    """Whether the browser's session has not been ended: by signing out, or with all of the user's.

    The cookie alone does not tell: who has copied it has it for as long as it is valid.
    """
    number = connection.session.get("session")
    if not isinstance(number, str) or connection.session.get("generation") != user.generation:
        return False
    return db.get(EndedSession, digest(number)) is None


def valid_token(db: Session, secret: str) -> ApiToken | None:
    """The API token of this secret, if it is neither revoked nor has run out."""
    token = db.scalar(
        select(ApiToken).where(ApiToken.digest == digest(secret), ApiToken.revoked_at.is_(None))
    )
    if token is None or (token.expires_at is not None and token.expires_at <= datetime.now(UTC)):
        return None
    return token


def token_user(db: Session, token: ApiToken) -> User | None:
    """The active user whose API token this is; its use is noted."""
    now = datetime.now(UTC)
    if token.used_at is None or (now - token.used_at).total_seconds() > _TOUCH_S:
        with leave(db) as session:
            session.execute(update(ApiToken).where(ApiToken.id == token.id).values(used_at=now))
    owner = db.get(User, token.user_id)
    return owner if owner is not None and owner.active else None


def digest(secret: str) -> str:
    """What is kept of an API token. It is long and random: no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Need:
    """Lets through users of certain roles (none named: all), and administrators."""

    roles: frozenset[Role]

    def __call__(self, user: SignedIn) -> User:
        role = Role(user.role)
        if self.roles and role is not Role.ADMIN and role not in self.roles:
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                tr("您的角色无权使用此功能", "your role may not do this"),
            )
        return user


@dataclass(frozen=True, slots=True)
class NeedSocket:
    """As `Need`, for a WebSocket: nothing of the store is held while it lasts."""

    roles: frozenset[Role]

    def __call__(self, websocket: WebSocket) -> User:
        with asking(settings(websocket).store) as session:
            user = find_user(websocket, session)
        if user is None or (self.roles and Role(user.role) not in {*self.roles, Role.ADMIN}):
            raise WebSocketException(WS_1008_POLICY_VIOLATION)
        return user


def need(*roles: Role) -> Any:
    """`Annotated[User, need(Role.QA)]`: the signed-in user, who must have one of the roles.

    Administrators pass always. Without a role any signed-in user passes.
    """
    return Depends(Need(frozenset(roles)))


def need_socket(*roles: Role) -> Any:
    """As `need`, for the handler of a WebSocket; others are turned away before it opens."""
    return Depends(NeedSocket(frozenset(roles)))


def visible_calls(user: User) -> ColumnElement[bool]:
    """Which calls somebody may see: agents their own, the others all."""
    if Role(user.role) is not Role.AGENT:
        return true()
    return Call.agent == user.agent if user.agent else false()


def find_call(db: Session, user: User, call_id: int) -> Call:
    """A call by its number.

    Raises:
        HTTPException: 404, also for a call that exists but is not theirs to see.
    """
    call = None
    if 0 <= call_id < 2**31:
        call = db.scalar(select(Call).where(Call.id == call_id, visible_calls(user)))
    if call is not None:
        db.info.setdefault(_REACHED, {})[call.id] = user
    if call is None:
        raise HTTPException(
            HTTPStatus.NOT_FOUND, tr(f"没有通话 {call_id}", f"there is no call {call_id}")
        )
    return call


def opened(db: Session, user: User, call: Call, action: str, **detail: Any) -> None:
    """Put into the audit trail that somebody viewed or exported a call."""
    db.info.get(_REACHED, {}).pop(call.id, None)
    with leave(db) as session:
        audit.record(session, user.name, user.id, action, f"call {call.id}", **detail)


def noted(db: Session, user: User, action: str, thing: str, **detail: Any) -> None:
    """Put into the audit trail that somebody saw what was said in several calls at once."""
    with leave(db) as session:
        audit.record(session, user.name, user.id, action, thing, **detail)


def _note_reached(connection: HTTPConnection, db: Session) -> None:
    """A row for every call that a handler has got hold of and not put on record itself: no route
    can forget it. Asking the same again within a minute, as a player does, is the same row."""
    reached = db.info.get(_REACHED)
    if not reached:
        return
    route = connection.scope.get("route")
    path = getattr(route, "path", connection.scope["path"])
    recent: Recent = connection.app.state.read_lately
    due = [(call, user) for call, user in reached.items() if recent.is_new((user.id, call, path))]
    if due:
        with leave(db) as session:
            for call, user in due:
                audit.record(session, user.name, user.id, "call.read", f"call {call}", route=path)
