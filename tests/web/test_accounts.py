"""Signing in and out, the first administrator, sessions, tokens, the administrator's pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from monitor.base.errors import UserError
from monitor.store import Store
from monitor.store.schema import ApiToken, Audit, User
from monitor.web import users
from monitor.web.accounts import local_path
from monitor.web.app import create_app
from monitor.web.passwords import Passwords, acceptable
from monitor.web.roles import HOMES, Role
from monitor.web.settings import WebSettings
from tests.web.conftest import PASSWORD, SECRET, Browser

SignedIn = Callable[[str], Browser]


def _actions(store: Store) -> list[tuple[str, str]]:
    with store.reading() as session:
        return [
            (row.actor, row.action) for row in session.scalars(select(Audit).order_by(Audit.id))
        ]


@pytest.mark.parametrize("role", Role)
def test_each_role_begins_on_its_own_page(browser: Browser, role: Role) -> None:
    assert browser.sign_in(role.value).status_code == 200
    sent = browser.get("/", follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (303, HOMES[role])


def test_a_wrong_name_and_a_wrong_password_look_the_same(browser: Browser) -> None:
    wrong = browser.sign_in("qa", "not the password")
    unknown = browser.sign_in("nobody", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    texts = [re.sub(r'(value|content)="[^"]*"', "", page.text) for page in (wrong, unknown)]
    assert texts[0] == texts[1]
    assert "monitor_session" not in wrong.text


def test_a_name_is_the_same_in_capitals(browser: Browser) -> None:
    assert browser.sign_in("QA").status_code == 200


def test_who_is_switched_off_is_out_at_once(
    signed_in: SignedIn, store: Store, app: FastAPI
) -> None:
    qa = signed_in("qa")
    assert qa.get("/account").url.path == "/account"
    with store.session() as session:
        users.change(session, users.find(session, "qa"), active=False)
    assert qa.get("/account").url.path == "/login"
    assert Browser(app).sign_in("qa").status_code == 401


def test_a_new_password_ends_the_other_sessions(signed_in: SignedIn, browser: Browser) -> None:
    here, there = signed_in("qa"), signed_in("qa")
    new = "another nine words"
    changed = here.submit("/account/password", old=PASSWORD, password=new, again=new)
    assert changed.status_code == 200
    assert here.get("/account").url.path == "/account"
    assert there.get("/account").url.path == "/login"
    assert browser.sign_in("qa", PASSWORD).status_code == 401
    assert browser.sign_in("qa", new).status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("wrong", "another nine words", "another nine words"),
        (PASSWORD, "short", "short"),
        (PASSWORD, "another nine words", "another ten words"),
        (PASSWORD, "qaqaqaqaqaqa", "qaqaqaqaqaqa"),
    ],
)
def test_a_password_that_may_not_be_changes_nothing(
    signed_in: SignedIn, browser: Browser, old: str, new: str, again: str
) -> None:
    qa = signed_in("qa")
    assert qa.submit("/account/password", old=old, password=new, again=again).status_code == 400
    assert browser.sign_in("qa").status_code == 200


def test_signing_out_ends_the_session(signed_in: SignedIn) -> None:
    qa = signed_in("qa")
    assert qa.submit("/logout").url.path == "/login"
    assert qa.get("/account").url.path == "/login"


def test_a_session_that_somebody_made_up_is_none(browser: Browser, signed_in: SignedIn) -> None:
    own = signed_in("agent").cookies["monitor_session"]
    head, _, tail = own.partition(".")
    for forged in ("x", own[:-1] + ("A" if own[-1] != "A" else "B"), head[::-1] + "." + tail):
        browser.cookies.set("monitor_session", forged, domain="localhost.local")
        assert browser.get("/account").url.path == "/login"


def test_after_signing_in_the_page_that_was_asked_for_comes(browser: Browser) -> None:
    asked = browser.get("/account")
    assert asked.url.path == "/login"
    target = re.search(r'name="next" value="([^"]*)"', asked.text)
    assert target is not None
    assert target[1] == "/account"
    assert browser.submit("/login", name="qa", password=PASSWORD, next="/account").url.path == (
        "/account"
    )


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\nb", ""]
)
def test_nobody_is_sent_to_another_site(target: str, browser: Browser) -> None:
    assert local_path(target) == "/"
    arrived = browser.sign_in("admin", to=target)
    assert arrived.url.host == "localhost"


@pytest.fixture
def fresh(store: Store, passwords: Passwords) -> FastAPI:
    """A server that nobody has used yet."""
    return create_app(WebSettings(store, SECRET, setup_token="from-the-terminal"), passwords)


def _create(browser: Browser, token: str = "from-the-terminal", **changes: str) -> int:
    fields = {"name": "boss", "password": PASSWORD, "again": PASSWORD} | changes
    status: int = browser.post("/setup", data={"token": token, **fields}).status_code
    return status


def test_the_first_administrator_is_created_once_with_the_token(fresh: FastAPI) -> None:
    with Browser(fresh) as browser:
        assert browser.get("/").url.path == "/setup"
        assert _create(browser, "guessed") == 400
        assert _create(browser, again="something else") == 400
        assert _create(browser, password="short", again="short") == 400
        assert _create(browser) == 200
        assert browser.get("/admin/users").status_code == 200
        assert browser.get("/setup").status_code == 404
        assert Browser(fresh).get("/").url.path == "/login"


def test_the_first_administrator_is_created_on_this_machine_only(fresh: FastAPI) -> None:
    with Browser(fresh, "192.0.2.7") as browser:
        assert browser.get("/setup").status_code == 404
        sent = browser.post("/setup", data={})
        assert sent.status_code == 404


def test_a_server_with_users_has_no_first_run(browser: Browser) -> None:
    assert browser.get("/setup").status_code == 404
    assert browser.get("/").url.path == "/login"


def test_an_api_token_is_shown_once_and_kept_as_a_digest(
    signed_in: SignedIn, store: Store, app: FastAPI
) -> None:
    qa = signed_in("qa")
    made = qa.submit("/account/tokens", label="desk 3")
    found = re.search(r"cmt_[\w-]{40,}", made.text)
    assert found is not None
    secret = found[0]
    assert secret not in qa.get("/account").text
    headers = {"Authorization": f"Bearer {secret}"}
    assert Browser(app).get("/api/me", headers=headers).json()["name"] == "qa"
    with store.reading() as session:
        token = session.scalars(select(ApiToken).order_by(ApiToken.id.desc())).first()
        assert token is not None
        assert secret not in f"{token.digest} {token.label}"
        assert token.used_at is not None
    assert qa.submit(f"/account/tokens/{token.id}/revoke").status_code == 200
    assert Browser(app).get("/api/me", headers=headers).status_code == 401


def test_nobody_revokes_the_tokens_of_others(signed_in: SignedIn, store: Store) -> None:
    with store.reading() as session:
        mine = users.find(session, "trainer").id
        token = session.scalars(select(ApiToken).where(ApiToken.user_id == mine)).one()
    assert signed_in("qa").submit(f"/account/tokens/{token.id}/revoke").status_code == 400


def test_a_wrong_token_does_not_fall_back_on_the_session(signed_in: SignedIn) -> None:
    qa = signed_in("qa")
    for wrong in ("Bearer cmt_no", "Basic cWE6cWE=", "Bearer"):
        assert qa.get("/api/me", headers={"Authorization": wrong}).status_code == 401


def test_the_administrator_adds_changes_and_stops_users(
    signed_in: SignedIn, app: FastAPI, store: Store
) -> None:
    admin = signed_in("admin")
    fields = {"name": "a1024", "display": "李雷", "role": "agent", "password": PASSWORD}
    assert admin.submit("/admin/users", **fields).status_code == 200
    assert admin.submit("/admin/users", **fields).status_code == 400  # taken
    with store.reading() as session:
        person = users.find(session, "a1024")
    assert (person.role, person.agent, person.display) == ("agent", "a1024", "李雷")
    agent = Browser(app)
    assert agent.sign_in("a1024").status_code == 200
    admin.submit(f"/admin/users/{person.id}", display="李雷", role="qa", active="true", agent="")
    assert agent.get("/account").url.path == "/login"  # the role changed under the session
    new = "quite another word"
    admin.submit(f"/admin/users/{person.id}/password", password=new)
    assert Browser(app).sign_in("a1024", new).status_code == 200
    admin.submit(f"/admin/users/{person.id}", display="李雷", role="qa", agent="")
    assert Browser(app).sign_in("a1024", new).status_code == 401
    assert admin.get(f"/admin/users/{person.id}").status_code == 200
    assert admin.get("/admin/users/999999").status_code == 404
    assert ("admin", "user.create") in _actions(store)
    assert ("admin", "user.change") in _actions(store)


def test_the_last_administrator_stays(signed_in: SignedIn, user_of: Callable[[str], User]) -> None:
    admin = signed_in("admin")
    own = user_of("admin").id
    assert admin.submit(f"/admin/users/{own}", role="qa", active="true").status_code == 400
    assert admin.submit(f"/admin/users/{own}", role="admin").status_code == 400
    assert admin.get("/admin/users").status_code == 200


def test_the_audit_trail_tells_who_signed_in_and_who_failed(
    signed_in: SignedIn, browser: Browser, store: Store
) -> None:
    browser.sign_in("qa", "guess")
    admin = signed_in("admin")
    assert ("qa", "login.failed") in _actions(store)
    assert ("admin", "login") in _actions(store)
    page = admin.get("/admin/audit", params={"action": "login.failed"})
    assert 'data-action="login.failed"' in page.text
    none = admin.get("/admin/audit", params={"actor": "nobody's name"})
    assert 'data-action="login.failed"' not in none.text


def test_language_and_theme_are_kept(signed_in: SignedIn, user_of: Callable[[str], User]) -> None:
    qa = signed_in("qa")
    assert 'lang="zh-CN"' in qa.get("/account").text
    page = qa.submit("/settings", lang="en", theme="dark", next="/account")
    assert page.url.path == "/account"
    assert '<html lang="en" data-theme="dark">' in page.text
    assert user_of("qa").language == "en"
    other = qa.submit("/settings", lang="fr", theme="pink", next="/account")
    assert '<html lang="en" data-theme="dark">' in other.text


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaa", "x" * 201, "qaqaqaqaqa"])
def test_poor_passwords_are_refused(password: str) -> None:
    with pytest.raises(UserError):
        acceptable(password, "qa")


def test_hashes_are_argon2id_and_salted() -> None:
    passwords = Passwords()
    one, two = passwords.hash(PASSWORD), passwords.hash(PASSWORD)
    assert one != two
    assert one.startswith("$argon2id$")
    assert passwords.check(one, PASSWORD)
    assert not passwords.check(one, PASSWORD + "x")
    assert not passwords.check("", PASSWORD)
    assert not passwords.check("not a hash", PASSWORD)


def test_an_old_hash_is_made_anew_at_the_next_sign_in(
    store: Store, settings: WebSettings, tokens: dict[str, str], user_of: Callable[[str], User]
) -> None:
    before = user_of("qa").password
    with Browser(create_app(settings, Passwords())) as browser:
        assert browser.sign_in("qa").status_code == 200
    after = user_of("qa").password
    assert after != before
    assert Passwords().check(after, PASSWORD)
