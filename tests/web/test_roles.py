"""Every route and every role: who gets in, and that no route was left open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.websockets import WebSocketDisconnect

from monitor.web import deps
from monitor.web.app import routes
from monitor.web.deps import Need, NeedSocket
from monitor.web.roles import Role
from tests.web.conftest import Browser

_OPEN = {
    ("/login", "GET"),
    ("/login", "POST"),
    ("/logout", "POST"),
    ("/setup", "GET"),
    ("/setup", "POST"),
    ("/settings", "POST"),
    ("/healthz", "GET"),
    ("/healthz/alive", "GET"),
}
"""What somebody who has not signed in may ask for."""

_NUMBER = "987654"
"""Of nothing: whoever is let in finds nothing there, and nothing is changed."""


def _asked(dependant: Dependant) -> Iterator[object]:
    """Everything a route depends on."""
    for inner in dependant.dependencies:
        yield inner.call
        yield from _asked(inner)


def _allowed(route: APIRoute | APIWebSocketRoute) -> frozenset[Role]:
    allowed = frozenset(Role)
    for need in _asked(route.dependant):
        if isinstance(need, Need | NeedSocket) and need.roles:
            allowed &= need.roles | {Role.ADMIN}
    return allowed


def _asks() -> list[tuple[str, str, frozenset[Role]]]:
    return [
        (route.path, method, _allowed(route))
        for route in routes()
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
        if (route.path, method) not in _OPEN
    ]


def _sockets() -> list[tuple[str, frozenset[Role]]]:
    return [(r.path, _allowed(r)) for r in routes() if isinstance(r, APIWebSocketRoute)]


def _filled(path: str) -> str:
    while "{" in path:
        head, _, rest = path.partition("{")
        path = head + _NUMBER + rest.partition("}")[2]
    return path


@pytest.mark.parametrize(
    "route", routes(), ids=lambda r: f"{r.path} {getattr(r, 'methods', None) or 'WS'}"
)
def test_every_route_asks_who_it_is(route: APIRoute | APIWebSocketRoute) -> None:
    methods = route.methods if isinstance(route, APIRoute) else {"WS"}
    if not {(route.path, method) for method in methods} <= _OPEN:
        asked = list(_asked(route.dependant))
        assert deps.user in asked or any(isinstance(need, NeedSocket) for need in asked)


def test_roles_get_in_where_they_belong_and_nowhere_else(
    browser: Browser,
    bearer: Callable[[str], dict[str, str]],
    signed_in: Callable[[str], Browser],
) -> None:
    wrong = []
    people = {role: signed_in(role.value) for role in Role}
    for path, method, allowed in _asks():
        # A token opens no page of accounts; who has signed in does what their role may.
        by_hand = path.startswith(("/account", "/admin"))
        for role in Role:
            token = {} if by_hand else bearer(role.value)
            answer = (people[role] if by_hand else browser).request(
                method,
                _filled(path),
                headers={**token, "Accept": "application/json"},
                follow_redirects=False,
            )
            if (answer.status_code != 403) != (role in allowed) or answer.status_code >= 500:
                wrong.append((method, path, role.value, answer.status_code))
    assert wrong == []


def test_without_signing_in_there_is_nothing(browser: Browser) -> None:
    for path, method, _ in _asks():
        headers = {"Authorization": "Bearer nobody", "Accept": "application/json"}
        answer = browser.request(method, _filled(path), headers=headers)
        assert answer.status_code == 401, f"{method} {path}"


def test_sockets_open_for_those_they_are_meant_for(
    browser: Browser, bearer: Callable[[str], dict[str, str]]
) -> None:
    for path, allowed in _sockets():
        for role in Role:
            inside = True
            try:
                with browser.socket(_filled(path), headers=bearer(role.value)):
                    pass
            except WebSocketDisconnect:
                inside = False
            # A call that is not there is refused to all.
            assert inside == (role in allowed and "{" not in path), f"{role} {path}"
        with pytest.raises(WebSocketDisconnect), browser.socket(_filled(path)):
            pass


@pytest.mark.parametrize(
    ("path", "roles"),
    [
        ("/panel", {Role.AGENT, Role.QA, Role.TRAINER, Role.SUPERVISOR, Role.ADMIN}),
        ("/wall", {Role.SUPERVISOR, Role.QA, Role.ADMIN}),
        ("/ws/wall", {Role.SUPERVISOR, Role.QA, Role.ADMIN}),
        ("/ws/ingest", {Role.AGENT, Role.SUPERVISOR, Role.ADMIN}),
        ("/admin/users", {Role.ADMIN}),
        ("/admin/users/{user_id}", {Role.ADMIN}),
        ("/admin/users/{user_id}/password", {Role.ADMIN}),
        ("/admin/audit", {Role.ADMIN}),
        ("/api/live", {Role.SUPERVISOR, Role.QA, Role.ADMIN}),
        ("/api/calls", set(Role)),
    ],
)
def test_who_is_meant_to_get_where(path: str, roles: set[Role]) -> None:
    found = [_allowed(route) for route in routes() if route.path == path]
    assert found
    assert all(allowed == roles for allowed in found)


def test_the_menu_shows_only_what_opens(
    signed_in: Callable[[str], Browser],
) -> None:
    for role in Role:
        browser = signed_in(role.value)
        menu = re.search(r"<nav class=\"menu\".*?</nav>", browser.get("/account").text, re.S)
        assert menu is not None
        links = re.findall(r'href="([^"]+)"', menu[0])
        assert links, role
        for link in links:
            assert browser.get(link).status_code == 200, f"{role} {link}"
