"""One's own API tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from monitor.base.i18n import tr
from monitor.store import audit
from monitor.store.schema import User
from monitor.web import users
from monitor.web.accounts import account_page
from monitor.web.deps import Db, need
from monitor.web.pages import flash
from monitor.web.scopes import DAYS, LONGEST_DAYS, Scope

router = APIRouter(include_in_schema=False)


@router.post("/account/tokens")
def create(
    request: Request,
    db: Db,
    user: Annotated[User, need()],
    label: Annotated[str, Form(max_length=100)] = "",
    scope: Annotated[Scope, Form()] = Scope.FULL,
    days: Annotated[int, Form(ge=0, le=LONGEST_DAYS)] = DAYS,
) -> Response:
    """Show the new secret on the answer itself: it goes through no address and no cookie."""
    token, secret = users.new_token(db, user, label, scope, days)
    said = {"label": token.label, "scope": token.scope, "days": days}
    audit.record(db, user.name, user.id, "token.create", f"token {token.id}", **said)
    return account_page(request, db, user, secret=secret)


@router.post("/account/tokens/{token_id}/revoke")
def revoke(request: Request, db: Db, user: Annotated[User, need()], token_id: int) -> Response:
    users.revoke_token(db, user, token_id)
    audit.record(db, user.name, user.id, "token.revoke", f"token {token_id}")
    flash(request, tr("令牌已吊销", "the token is revoked"))
    return RedirectResponse("/account", 303)
