"""What the tests of quality assurance share."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.store import Store
from monitor.store.schema import User, now

FIXTURES = Path(__file__).parents[2] / "audio_fixtures"


@pytest.fixture
def people(store: Store) -> dict[str, User]:
    """Two reviewers, one of whom also takes calls as A03, and a supervisor."""
    roles = {"qa": ("qa", None), "qa2": ("qa", "A03"), "boss": ("supervisor", None)}
    with store.session() as session:
        made = {
            name: User(name=name, role=role, agent=agent, created_at=now(), display="")
            for name, (role, agent) in roles.items()
        }
        session.add_all(made.values())
    return made
