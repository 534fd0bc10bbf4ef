"""The administrator's pages: users and the audit trail."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.store import audit
from monitor.store.schema import ApiToken, Audit, User
from monitor.web import look, trail, users
from monitor.web.deps import Db, need
from monitor.web.pages import flash, page
from monitor.web.passwords import Passwords
from monitor.web.roles import Role

router = APIRouter(prefix="/admin", include_in_schema=False)

Admin = Annotated[User, need(Role.ADMIN)]
Text = Annotated[str, Form(max_length=200)]
Secret = Annotated[str, Form(max_length=1000)]

_PER_PAGE = 100


@router.get("/users")
def list_users(request: Request, db: Db, _user: Admin) -> Response:
    return _users_page(request, db)


@router.post("/users")
def add_user(
    request: Request,
    db: Db,
    user: Admin,
    name: Text = "",
    display: Text = "",
    role: Annotated[Role, Form()] = Role.AGENT,
    agent: Text = "",
    password: Secret = "",
) -> Response:
    passwords: Passwords = request.app.state.passwords
    try:
        added = users.add(db, passwords, name, role, password, display=display, agent=agent)
    except UserError as error:
        given = {"name": name, "display": display, "role": role.value, "agent": agent}
        return _users_page(request, db, str(error), given)
    audit.record(db, user.name, user.id, "user.create", added.name, role=added.role)
    flash(request, tr(f"已添加用户 {added.name}", f"user {added.name} added"))
    return RedirectResponse("/admin/users", HTTPStatus.SEE_OTHER)


@router.get("/users/{user_id}")
def show_user(request: Request, db: Db, _user: Admin, user_id: int) -> Response:
    return _user_page(request, db, _person(db, user_id))


@router.post("/users/{user_id}")
def change_user(
    request: Request,
    db: Db,
    user: Admin,
    user_id: int,
    display: Text = "",
    role: Annotated[Role, Form()] = Role.AGENT,
    agent: Text = "",
    active: Annotated[bool, Form()] = False,
) -> Response:
    person = _person(db, user_id)
    changed = {"role": role.value, "active": active, "agent": agent.strip()}
    try:
        if person.role != role or person.active != active:
            users.change(db, person, role=role, active=active)
    except UserError as error:
        return _user_page(request, db, person, str(error))
    person.display = display.strip()[:64]
    called = agent.strip()[:64] or (person.name if role is Role.AGENT else None)
    if called != person.agent:
        person.agent = called
        person.generation += 1  # whoever is signed in sees the calls of the old name no longer
    audit.record(db, user.name, user.id, "user.change", person.name, **changed)
    flash(request, tr(f"已保存 {person.name}", f"{person.name} saved"))
    return RedirectResponse("/admin/users", HTTPStatus.SEE_OTHER)


@router.post("/users/{user_id}/password")
def reset_password(
    request: Request, db: Db, user: Admin, user_id: int, password: Secret = ""
) -> Response:
    person = _person(db, user_id)
    try:
        users.set_password(request.app.state.passwords, person, password)
    except UserError as error:
        return _user_page(request, db, person, str(error))
    audit.record(db, user.name, user.id, "user.password", person.name)
    flash(request, tr(f"已重设 {person.name} 的密码", f"password of {person.name} reset"))
    return RedirectResponse("/admin/users", HTTPStatus.SEE_OTHER)


@router.post("/users/{user_id}/tokens/{token_id}/revoke")
def revoke_token(request: Request, db: Db, user: Admin, user_id: int, token_id: int) -> Response:
    users.revoke_token(db, _person(db, user_id), token_id)
    audit.record(db, user.name, user.id, "token.revoke", f"token {token_id}")
    flash(request, tr("令牌已吊销", "the token is revoked"))
    return RedirectResponse(f"/admin/users/{user_id}", HTTPStatus.SEE_OTHER)


@router.get("/audit")
def audit_trail(
    request: Request,
    db: Db,
    _user: Admin,
    actor: str = "",
    action: str = "",
    object: str = "",  # noqa: A002 - the column's name
    before: Annotated[int, Query(ge=0, lt=2**31)] = 0,
) -> Response:
    """Newest first, page by page from the row `before`."""
    asked = {
        "actor": actor.strip(),
        "action": action.strip(),
        "object": trail.object_of(object),
    }
    columns = {"actor": Audit.actor, "action": Audit.action, "object": Audit.object}
    wanted = [
        columns[key].startswith(value, autoescape=True)
        if key == "action" and value.endswith(".")  # all that is done to one sort of thing
        else columns[key] == value
        for key, value in asked.items()
        if value
    ]
    total = db.scalar(select(func.count()).select_from(Audit).where(*wanted)) or 0
    query = select(Audit).where(*wanted, *([Audit.id < before] if before else []))
    rows = db.scalars(query.order_by(Audit.id.desc()).limit(_PER_PAGE)).all()
    kept = {key: value for key, value in asked.items() if value}
    more = len(rows) == _PER_PAGE
    return page(
        request,
        "admin/audit.html",
        rows=rows,
        total=total,
        previous=f"/admin/audit?{urlencode(kept)}" if before else None,
        next=f"/admin/audit?{urlencode(kept | {'before': str(rows[-1].id)})}" if more else None,
        actor=asked["actor"],
        action=asked["action"],
        object=object.strip(),
        actions=trail.action_names(),
        trail=trail,
    )


def _person(db: Session, user_id: int) -> User:
    person = db.get(User, user_id) if 0 < user_id < 2**31 else None
    if person is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return person


def _users_page(
    request: Request, db: Session, problem: str = "", given: dict[str, str] | None = None
) -> Response:
    return page(
        request,
        "admin/users.html",
        status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
        people=db.scalars(select(User).order_by(User.name)).all(),
        roles=_roles(),
        problem=problem,
        given=given or {"name": "", "display": "", "role": Role.AGENT.value, "agent": ""},
    )


def _user_page(request: Request, db: Session, person: User, problem: str = "") -> Response:
    tokens = select(ApiToken).where(ApiToken.user_id == person.id, ApiToken.revoked_at.is_(None))
    return page(
        request,
        "admin/user.html",
        status=HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK,
        person=person,
        roles=_roles(),
        tokens=db.scalars(tokens.order_by(ApiToken.id)).all(),
        problem=problem,
    )


def _roles() -> list[tuple[str, str]]:
    return [(role.value, look.role_name(role.value)) for role in Role]
