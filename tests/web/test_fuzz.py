"""The API against its own description: drawn requests to a real server, every operation."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from monitor.store import open_store
from monitor.web import users
from monitor.web.app import create_app
from monitor.web.roles import Role
from monitor.web.server import in_thread, listening
from monitor.web.settings import WebSettings

schemathesis: Any = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

if TYPE_CHECKING:
    from pathlib import Path


def _described() -> dict[str, Any]:
    """What the API says of itself; it does not depend on what is in the store."""
    with tempfile.TemporaryDirectory() as folder, open_store(folder) as store:
        return dict(create_app(WebSettings(store, "s" * 40)).openapi())


_DESCRIPTION = _described()
_API = schemathesis.openapi.from_dict(_DESCRIPTION).include(path_regex="^/api/")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address of a server, and the API token of its administrator."""
    folder: Path = tmp_path_factory.mktemp("fuzzed")
    with open_store(folder) as store:
        with store.session() as session:
            user = users.add_hashed(session, "admin", Role.ADMIN, "")
            token = users.new_token(session, user, "fuzz")[1]
        app = create_app(WebSettings(store, "s" * 40))
        with listening("127.0.0.1", 0) as bound, in_thread(app, bound):
            yield f"http://127.0.0.1:{bound.getsockname()[1]}", token


@_API.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_those_of_the_description(case: Any, server: tuple[str, str]) -> None:
    """No 5xx, no answer that is not described, none without a token."""
    url, token = server
    case.call_and_validate(base_url=url, headers={"Authorization": f"Bearer {token}"})
