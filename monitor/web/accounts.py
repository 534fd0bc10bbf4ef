"""Signing in and out, the first administrator, one's own account, language and theme."""

from __future__ import annotations

import ipaddress
import secrets
from datetime import timedelta
from http import HTTPStatus
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.store import audit
from monitor.store.schema import ApiToken, EndedSession, User, now
from monitor.store.upsert import add_missing
from monitor.web import deps, pages, scopes, users
from monitor.web.deps import Db, need
from monitor.web.limits import RateLimit
from monitor.web.pages import page
from monitor.web.passwords import Passwords
from monitor.web.roles import HOMES, Role

router = APIRouter(include_in_schema=False)

_YEAR_S = 365 * 24 * 3600
_DEVICE = "device"


@router.get("/")
def home(request: Request, user: Annotated[User, need()]) -> Response:
    """To where somebody of this role begins."""
    path = HOMES[Role(user.role)]
    known = path in request.app.state.paths
    return RedirectResponse(path if known else "/account", HTTPStatus.SEE_OTHER)


@router.get("/login")
def login_page(request: Request, db: Db, next: str = "/") -> Response:  # noqa: A002
    if request.app.state.settings.setup_token and not users.anybody(db):
        return RedirectResponse("/setup", HTTPStatus.SEE_OTHER)
    if deps.find_user(request, db) is not None:
        return RedirectResponse(local_path(next), HTTPStatus.SEE_OTHER)
    return page(request, "login.html", next=local_path(next), name="", problem="")


@router.post("/login")
def login(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Check the password. Whether the name or the password was wrong is not said.

    Checking takes long on purpose, so nothing of the store is held meanwhile.
    """
    store = deps.settings(request).store
    passwords: Passwords = request.app.state.passwords
    address = request.client.host if request.client else ""
    with store.reading() as db:
        user = db.scalar(select(User).where(func.lower(User.name) == users.sign_in_name(name)))
    known = _known_here(request, user)
    everybody = _network(address)
    whose = users.sign_in_name(name) if user is None else user.id
    own = ("here", whose) if known else (everybody, whose)
    login_limit: RateLimit = request.app.state.login_limit
    address_limit: RateLimit = request.app.state.address_limit

    def again(status: HTTPStatus, problem: str, headers: dict[str, str] | None = None) -> Response:
        return page(
            request,
            "login.html",
            status=status,
            headers=headers,
            next=local_path(next),
            name=name,
            problem=problem,
        )

    wait_s = 0.0 if known else address_limit.attempt(everybody)
    if wait_s == 0 and (wait_s := login_limit.attempt(own)) > 0 and not known:
        address_limit.forgive(everybody)
    if wait_s > 0:
        minutes = ceil(wait_s / 60)
        problem = tr(
            f"尝试次数过多，请 {minutes} 分钟后再试",
            f"too many attempts; try again in {minutes} min",
        )
        headers = {"Retry-After": str(ceil(wait_s))}
        return again(HTTPStatus.TOO_MANY_REQUESTS, problem, headers)
    right = passwords.check(user.password if user and user.active else "", password)
    if user is None or not right:
        with store.session() as db:
            audit.record(db, name[:64], user.id if user else None, "login.failed", address)
        return again(HTTPStatus.UNAUTHORIZED, tr("用户名或密码不正确", "wrong name or password"))
    login_limit.succeeded(own)
    if not known:
        address_limit.forgive(everybody)
    stronger = passwords.hash(password) if passwords.outdated(user.password) else None
    with store.session() as db:
        if stronger is not None:
            db.execute(update(User).where(User.id == user.id).values(password=stronger))
        audit.record(db, user.name, user.id, "login", address)
    return _signed_in(request, user, local_path(next))


@router.post("/logout")
def logout(request: Request, db: Db) -> Response:
    user = deps.find_user(request, db)
    if user is not None:
        audit.record(db, user.name, user.id, "logout", "")
        _end_session(request, db)
    request.session.clear()
    return RedirectResponse("/login", HTTPStatus.SEE_OTHER)


@router.get("/setup")
def setup_page(request: Request, db: Db, token: str = "") -> Response:
    _setting_up(request, db)
    return page(request, "setup.html", token=token, name="", display="", problem="")


@router.post("/setup")
def setup(
    request: Request,
    db: Db,
    token: Annotated[str, Form()] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    display: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Create the first administrator: once, from this machine, with the token of the terminal."""
    expected = _setting_up(request, db)
    try:
        if not secrets.compare_digest(token.strip().encode(), expected.encode()):
            raise UserError(
                tr("令牌不正确，请从终端复制", "wrong token; copy it from the terminal")
            )
        _agree(password, again)
        user = users.add(
            db, request.app.state.passwords, name, Role.ADMIN, password, display=display
        )
    except UserError as error:
        return page(
            request,
            "setup.html",
            status=HTTPStatus.BAD_REQUEST,
            token=token,
            name=name,
            display=display,
            problem=str(error),
        )
    audit.record(db, user.name, user.id, "user.create", user.name, role=user.role)
    return _signed_in(request, user, "/")


@router.get("/account")
def account(request: Request, db: Db, user: Annotated[User, need()]) -> Response:
    return account_page(request, db, user)


@router.post("/account/password")
def change_password(
    request: Request,
    db: Db,
    user: Annotated[User, need()],
    old: Annotated[str, Form(max_length=1000)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Set a new password; every other session of the user ends."""
    limit: RateLimit = request.app.state.login_limit
    key = ("account", user.id)
    if limit.attempt(key) > 0:
        raise HTTPException(
            HTTPStatus.TOO_MANY_REQUESTS,
            tr("尝试次数过多，请稍后再试", "too many attempts; try again later"),
        )
    passwords: Passwords = request.app.state.passwords
    if not passwords.check(user.password, old):
        return account_page(request, db, user, tr("旧密码不正确", "the old password is wrong"))
    limit.succeeded(key)
    if password != again:
        return account_page(
            request, db, user, tr("两次输入的密码不一致", "the two passwords differ")
        )
    try:
        users.set_password(passwords, db.get_one(User, user.id), password)
    except UserError as error:
        return account_page(request, db, user, str(error))
    audit.record(db, user.name, user.id, "user.password", user.name)
    return _signed_in(request, db.get_one(User, user.id), "/account?done=password")


@router.post("/settings")
def change_settings(
    request: Request,
    db: Db,
    lang: Annotated[str | None, Form()] = None,
    theme: Annotated[str | None, Form()] = None,
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Language and theme, kept in cookies; the language also with the user."""
    response = RedirectResponse(local_path(next), HTTPStatus.SEE_OTHER)
    user = deps.find_user(request, db)
    if lang in ("zh", "en"):
        _keep(request, response, "lang", lang)
        if user is not None:
            user.language = lang
    if theme in pages.THEMES:
        _keep(request, response, "theme", theme)
    return response


def local_path(target: str) -> str:
    """Where to go next, when that is a path of this server; else its start."""
    safe = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if safe and target.isprintable() else "/"


def account_page(
    request: Request, db: Session, user: User, problem: str = "", secret: str = ""
) -> Response:
    tokens = db.scalars(
        select(ApiToken)
        .where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.id)
    ).all()
    return page(
        request,
        "account.html",
        status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
        tokens=tokens,
        scopes=scopes.names(),
        problem=problem,
        secret=secret,
        done=request.query_params.get("done", ""),
    )


def _signed_in(request: Request, user: User, target: str) -> Response:
    """A fresh session for the user: what an attacker may have planted before is gone."""
    messages = request.session.get("messages", [])
    request.session.clear()
    request.session["messages"] = messages
    request.session["user"] = user.id
    request.session["generation"] = user.generation
    request.session["session"] = secrets.token_urlsafe(16)
    response = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    _keep(request, response, "lang", user.language)
    _keep(request, response, _DEVICE, _signer(request).dumps(user.id))
    return response


def _end_session(request: Request, db: Session) -> None:
    """The cookie is worth nothing any more, whoever has a copy."""
    number = request.session.get("session")
    if not isinstance(number, str):
        return
    moment = now()
    add_missing(
        db, EndedSession, [{"digest": deps.digest(number), "ended_at": moment}], ("digest",)
    )
    # What has run out by itself need not be known as ended.
    over = moment - timedelta(seconds=2 * request.app.state.settings.session_s)
    db.execute(delete(EndedSession).where(EndedSession.ended_at < over))


def _signer(request: Request) -> URLSafeSerializer:
    return URLSafeSerializer(request.app.state.secret, salt=_DEVICE)


def _known_here(request: Request, user: User | None) -> bool:
    """Whether this user has signed in from this browser before. Guessing from elsewhere does not
    lock them out (OWASP, "Slow down online guessing attacks with device cookies")."""
    try:
        said = _signer(request).loads(request.cookies.get(_DEVICE, ""))
    except BadSignature:
        return False
    return user is not None and said == user.id


def _network(address: str) -> str:
    """Whoever has one IPv6 address has all of its network of 64 bits."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False))


def _keep(request: Request, response: Response, name: str, value: str) -> None:
    https = request.app.state.settings.https
    response.set_cookie(name, value, max_age=_YEAR_S, samesite="lax", secure=https, httponly=True)


def _setting_up(request: Request, db: Session) -> str:
    """The setup token, while there is no user and the visitor sits at this machine.

    Raises:
        HTTPException: 404, the page no longer exists or not for them.
    """
    token: str | None = request.app.state.settings.setup_token
    address = request.client.host if request.client else ""
    if token is None or users.anybody(db) or not is_loopback(address):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return token


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _agree(password: str, again: str) -> None:
    if password != again:
        raise UserError(tr("两次输入的密码不一致", "the two passwords differ"))
