"""What every request passes: headers, host, origin and token, sizes; nothing inline in pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.websockets import WebSocketDisconnect

from monitor.web import pages
from monitor.web.security import CONTENT_SECURITY_POLICY, host_name
from tests.web.conftest import PASSWORD, Browser

SignedIn = Callable[[str], Browser]

_TEMPLATES = sorted((pages.HERE / "templates").rglob("*.html"))


@pytest.mark.parametrize(
    "path", ["/login", "/account", "/nothing-here", "/static/css/base.css", "/api/me", "/healthz"]
)
def test_every_answer_carries_the_security_headers(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert "default-src 'self'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("template", _TEMPLATES, ids=lambda p: p.name)
def test_pages_have_nothing_inline_and_nothing_from_elsewhere(template: Path) -> None:
    text = template.read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert not re.search(r"(src|href|action)=[\"']?(https?:)?//", text)


def _given_cookie(browser: Browser) -> str:
    """The cookie of a session that has begun."""
    form = {"name": "qa", "password": PASSWORD}
    answer = browser.post("/login", data=form, follow_redirects=False)
    return str(answer.headers["set-cookie"]).lower()


def test_the_session_cookie_is_out_of_reach_of_scripts(browser: Browser) -> None:
    flags = _given_cookie(browser)
    assert "httponly" in flags
    assert "samesite=lax" in flags
    assert "secure" not in flags


def test_behind_tls_cookies_travel_over_tls_alone(another: Callable[..., FastAPI]) -> None:
    app = another(public_url="https://qa.example.cn", hosts=("qa.example.cn",))
    with Browser(app) as browser:
        browser.base_url = "https://qa.example.cn"
        browser.headers["Origin"] = "https://qa.example.cn"
        assert "secure" in _given_cookie(browser)
        answer = browser.get("/login")
        assert "max-age" in answer.headers["strict-transport-security"]


_FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:9999"},
    {"Origin": "http://localhost.evil"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://evil.example", "Authorization": "Basic cWE6eA=="},
]


@pytest.mark.parametrize("headers", _FOREIGN, ids=str)
@pytest.mark.parametrize("how", ["form", "json", "bytes"])
def test_what_another_page_sends_is_refused(
    signed_in: SignedIn, headers: dict[str, str], how: str
) -> None:
    sent: dict[str, Any] = {
        "form": {"data": {"label": "x"}},
        "json": {"json": {"label": "x"}},
        "bytes": {"content": b"\xff"},
    }[how]
    qa = signed_in("qa")
    assert qa.post("/account/tokens", headers=headers, **sent).status_code == 403


def test_a_changing_request_from_nowhere_is_refused(signed_in: SignedIn) -> None:
    qa = signed_in("qa")
    del qa.headers["Origin"]
    assert qa.post("/account/tokens", data={"label": "x"}).status_code == 403
    said = {"Sec-Fetch-Site": "same-origin"}
    assert qa.post("/account/tokens", data={"label": "x"}, headers=said).status_code == 200


def test_signing_in_is_protected_too(browser: Browser) -> None:
    form = {"name": "qa", "password": PASSWORD}
    foreign = {"Origin": "http://evil.example"}
    assert browser.post("/login", data=form, headers=foreign).status_code == 403


@pytest.mark.parametrize("headers", [h for h in _FOREIGN if len(h) == 1], ids=str)
def test_another_page_opens_no_socket(signed_in: SignedIn, headers: dict[str, str]) -> None:
    qa = signed_in("qa")
    with pytest.raises(WebSocketDisconnect), qa.socket("/ws/wall", headers=headers):
        pass


def test_our_own_origin_passes(signed_in: SignedIn) -> None:
    qa = signed_in("qa")
    assert qa.post("/account/tokens", data={"label": "x"}).status_code == 200
    with qa.socket("/ws/wall") as socket:
        assert socket.receive_json()["type"] == "wall"


@pytest.mark.parametrize("host", ["evil.example", "192.168.0.9", "", "localhost.evil", "[::2]"])
def test_a_foreign_host_name_is_refused(signed_in: SignedIn, host: str) -> None:
    qa = signed_in("qa")
    assert qa.get("/login", headers={"Host": host}).status_code == 421
    headers = {"Host": host}
    with pytest.raises(WebSocketDisconnect), qa.socket("/ws/wall", headers=headers):
        pass


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1:80", "[::1]:8765"])
def test_own_names_pass(browser: Browser, host: str) -> None:
    assert browser.get("/login", headers={"Host": host}).status_code == 200


def test_on_the_network_addresses_pass_but_not_names(another: Callable[..., FastAPI]) -> None:
    with Browser(another(any_address=True, hosts=("box",))) as browser:
        for host, status in {"192.168.0.9:8765": 200, "[fe80::1]:1": 200, "box": 200}.items():
            assert browser.get("/login", headers={"Host": host}).status_code == status
        assert browser.get("/login", headers={"Host": "rebound.example"}).status_code == 421


@pytest.mark.parametrize(
    ("header", "name"), [("A:80", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", "")]
)
def test_the_name_in_a_host_header(header: str, name: str) -> None:
    assert host_name(header) == name


def test_a_large_body_is_refused_announced_or_not(another: Callable[..., FastAPI]) -> None:
    app = another(body_bytes=1000)
    with Browser(app) as browser:
        big = {"name": "x" * 2000}
        assert browser.post("/login", data=big).status_code == 413
        pieces = (b"name=" + b"x" * 500 for _ in range(4))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        assert browser.post("/login", content=pieces, headers=headers).status_code == 413
        assert browser.post("/login", data={"name": "x"}).status_code == 401


def test_only_who_is_signed_in_may_send_a_large_form(another: Callable[..., FastAPI]) -> None:
    app = another(body_bytes=1000, upload_bytes=5000, upload_paths=("/account/tokens",))
    with Browser(app) as browser:
        files = {"file": ("a.wav", b"x" * 2000)}
        assert browser.post("/account/tokens", files=files).status_code == 413
        assert browser.sign_in("qa").status_code == 200
        fields = {"label": "x"}
        assert browser.post("/account/tokens", data=fields, files=files).status_code == 200
        files = {"file": ("a.wav", b"x" * 6000)}
        assert browser.post("/account/tokens", data=fields, files=files).status_code == 413
        assert browser.post("/login", data=fields, files=files).status_code == 413


def test_errors_are_pages_for_readers_and_json_for_programs(signed_in: SignedIn) -> None:
    qa = signed_in("qa")
    page = qa.get("/nothing", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    data = qa.get("/api/nothing", headers={"Accept": "text/html"})
    assert (data.status_code, list(data.json())) == (404, ["detail"])
    asked = qa.get("/nothing", headers={"Accept": "application/json"})
    assert asked.json() == {"detail": "没有这个页面"}


def test_what_a_user_writes_is_shown_as_text(signed_in: SignedIn) -> None:
    admin = signed_in("admin")
    evil = "<script>alert(1)</script>"
    fields = {"name": "x1", "display": evil, "role": "qa", "password": PASSWORD}
    assert admin.submit("/admin/users", **fields).status_code == 200
    text = admin.get("/admin/users").text
    assert evil not in text
    assert "&lt;script&gt;" in text
