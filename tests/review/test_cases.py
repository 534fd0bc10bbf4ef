"""The case library: clips, learners' answers, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.audio.clips import clip
from monitor.audio.decode import Decoder
from monitor.base.errors import UserError
from monitor.quality.review import cases
from monitor.quality.review.cases import NewCase
from monitor.quality.tables import Case
from monitor.store import Store
from monitor.store.schema import Call, User
from tests.review.conftest import BAD, GOOD, NOW, Keep

_FIXTURES = Path(__file__).parents[2] / "audio_fixtures"
_NEW = NewCase("bad", "不该这样问", "who", "agent", 500, 3000, "应说请问您找哪位", False)


def _add(store: Store, call_id: int, given: NewCase, who: User) -> int:
    with store.session() as session:
        return cases.add(session, session.get_one(Call, call_id), given, who, NOW).id


def test_a_case_keeps_its_finding_and_the_words_within(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    number = _add(store, call_id, replace(_NEW, start_ms=1500, end_ms=3600), people["trainer"])
    with store.reading() as session:
        case = session.get_one(Case, number)
        assert case.alert_id is not None
        assert [line.text for line in cases.lines(session, case)] == ["什么可以帮您", "你找"]
        assert cases.rules(session) == ["who"]
        assert [(c.id, given) for c, given, _ in cases.listed(session, [], 10)] == [(number, 0)]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"title": " "}, "标题"),
        ({"kind": "so-so"}, "so-so"),
        ({"end_ms": 400}, "不在通话里"),
        ({"end_ms": 10**7}, "不在通话里"),
    ],
)
def test_a_case_is_checked(
    store: Store, keep: Keep, people: dict[str, User], changes: dict[str, object], what: str
) -> None:
    call_id = keep({"agent": BAD})
    with pytest.raises(UserError, match=what):
        _add(store, call_id, replace(_NEW, **{"end_ms": 900, **changes}), people["trainer"])  # type: ignore[arg-type]


def test_learners_meet_new_cases_first_and_then_what_they_got_wrong(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": GOOD}, {"agent": BAD})
    first = _add(store, call_id, _NEW, people["trainer"])
    second = _add(store, call_id, replace(_NEW, kind="good", rule=""), people["trainer"])
    learner = people["qa"]

    def following() -> int | None:
        with store.reading() as session:
            case = cases.next_for(session, learner, [])
            return case.id if case else None

    def answer(number: int, kind: str, rule: str = "") -> bool:
        with store.session() as session:
            case = session.get_one(Case, number)
            return cases.answer(session, case, kind, rule, "我觉得", learner, NOW).right

    assert following() == first
    assert not answer(first, "bad", "opening")  # the wrong rule
    assert following() == second
    assert answer(second, "good")
    assert following() == first
    assert answer(first, "bad", "who")
    assert following() is None
    with pytest.raises(UserError, match="先选择"):
        answer(first, "")
    with store.session() as session:
        found = {c.id: (given, right) for c, given, right in cases.listed(session, [], 10)}
        assert found == {first: (2, 1), second: (1, 1)}
        session.get_one(Case, first).archived_at = NOW
        assert [c.id for c, _, _ in cases.listed(session, [], 10)] == [second]


def test_agents_learn_only_from_what_was_opened_to_them(
    store: Store, keep: Keep, people: dict[str, User]
) -> None:
    call_id = keep({"agent": BAD}, {"agent": BAD})
    _add(store, call_id, replace(_NEW, end_ms=900), people["trainer"])
    shared = _add(store, call_id, replace(_NEW, end_ms=900, shared=True), people["trainer"])
    with store.reading() as session:
        case = cases.next_for(session, people["wang"], [Case.shared.is_(True)])
        assert case is not None
        assert case.id == shared


@pytest.mark.parametrize("name", ["compliant.wav", "demo.flac", "compressed.mp3"])
def test_a_clip_is_the_stretch_of_the_recording(tmp_path: Path, name: str) -> None:
    original = tmp_path / name
    original.write_bytes((_FIXTURES / name).read_bytes())
    made = clip(original, 1000, 2500)
    assert made == clip(original, 1000, 2500)
    with Decoder(original) as decoder:
        whole = np.concatenate([block.samples for block in decoder.blocks()])
        rate = decoder.info.rate
    with Decoder(made) as decoder:
        assert decoder.info.rate == rate
        part = np.concatenate([block.samples for block in decoder.blocks()])
    wanted = np.clip(whole[rate : rate * 5 // 2], -1, 1)
    assert part.shape == wanted.shape
    assert np.abs(part - wanted).max() < 2 / 32768


def test_a_clip_beyond_the_end_is_what_there_is(tmp_path: Path) -> None:
    original = tmp_path / "x.flac"
    original.write_bytes((_FIXTURES / "demo.flac").read_bytes())
    with Decoder(clip(original, 42_000, 60_000)) as decoder:
        length = decoder.info.duration_ms
        assert length is not None
        assert 600 < length < 800
