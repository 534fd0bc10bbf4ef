"""Full-text search finds what was said: by characters exactly, by sound as the costs define it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from monitor.language.normalise import normalise
from monitor.language.phrases.costs import syllable_cost
from monitor.language.pinyin import syllables
from monitor.store import Store
from monitor.store.read import CallFilter, hits, list_calls
from monitor.store.sounds import allowed, distance, inventory, wanted
from monitor.store.terms import sounds_of
from monitor.store.write import delete_call, save_call
from monitor.testing.calls import Made, made_calls

Spoken = Callable[..., dict[str, Any]]

_CALLS = {f"{number:03d}": data for number, data in enumerate(made_calls(Made(calls=25, turns=5)))}
_TEXTS = sorted({turn["text"] for data in _CALLS.values() for turn in data["utterances"]})

same_store = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def full(store: Store) -> Store:
    with store.session() as session:
        for key, data in _CALLS.items():
            save_call(session, data, key=key)
    return store


def found(store: Store, **which: str) -> set[str]:
    with store.reading() as session:
        return {call.key for call in list_calls(session, CallFilter(**which), limit=1000).calls}


pieces = st.sampled_from(_TEXTS).flatmap(
    lambda text: st.tuples(st.integers(0, len(text) - 1), st.integers(1, 6)).map(
        lambda cut: text[cut[0] : cut[0] + cut[1]]
    )
)


@same_store
@given(pieces | st.text("的我您话宽带退订", min_size=1, max_size=3))
def test_by_characters_is_containment(full: Store, query: str) -> None:
    assert found(full, text=query) == {
        key
        for key, data in _CALLS.items()
        if any(normalise(query).text in turn["text"] for turn in data["utterances"])
    }


@st.composite
def misheard(draw: st.DrawFn) -> str:
    """A stretch of what was said in pinyin, with some syllables heard as near ones."""
    sounds = syllables(draw(pieces.filter(lambda piece: len(piece) > 1)))
    wrong = draw(st.integers(0, len(sounds) - 1))
    near = sorted(
        (sound for sound in inventory()),
        key=lambda sound: (syllable_cost(sound, sounds[wrong]), sound),
    )
    sounds[wrong] = draw(st.sampled_from(near[:8]))
    if draw(st.booleans()) and len(sounds) > 4:
        del sounds[draw(st.integers(0, len(sounds) - 1))]
    return " ".join(sounds)


@same_store
@given(misheard())
def test_by_sound_the_index_misses_nothing(full: Store, query: str) -> None:
    """What the index and the comparison find together is what comparing everything finds."""
    asked = wanted(query)
    assert found(full, sound=query) == {
        key
        for key, data in _CALLS.items()
        if asked
        and any(
            distance(asked, sounds_of(turn["tokens"])) <= allowed(asked)
            for turn in data["utterances"]
        )
    }


@pytest.mark.parametrize(
    ("said", "query", "heard"),
    [
        ("我要推定这个业务", "退订", True),  # a homophone, written wrong
        ("我要退订这个业务", "tuiding", True),
        ("我要退订这个业务", "tuì dìng", True),
        ("我要退订这个业务", "tui4ding4", True),
        ("我要退订这个业务", "投诉", False),
        ("他是三楼的", "山楼", True),  # s and sh
        ("您好很高兴为您服务", "您好很高新为您服务", True),  # xing and xin
        ("您好很高兴为嗯您服务", "很高兴为您服务", True),  # a hesitation between
        ("您好很高兴您服务", "您好很高兴为您服务", True),  # a syllable missing of nine
        ("请到银行办理", "yin hang", True),
        ("这样不行", "不行", True),
        ("绿色通道", "lv se", True),
        ("绿色通道", "lǜ sè", True),
        ("VIP客户", "vip", True),
        ("我要退订", "嗯", False),  # nothing but a hesitation
        ("我要退订", "!?", False),
        ("请拨打一零零一零", "10010", True),
    ],
)
def test_what_sounds_alike(
    store: Store, spoken: Spoken, said: str, query: str, *, heard: bool
) -> None:
    with store.session() as session:
        save_call(session, spoken("好的请稍等", said), key="k")
    assert found(store, sound=query) == ({"k"} if heard else set())
    with store.reading() as session:
        turns = [hit.text for hit in hits(session, [1], sound=query)]
    assert turns == ([said] if heard else [])


@pytest.mark.parametrize(
    ("said", "query", "heard"),
    [
        ("宽带套餐多少钱", "宽带", True),
        ("宽带套餐多少钱", "钱", True),
        ("宽带套餐多少钱", "宽", True),
        ("宽带套餐多少钱", "带宽", False),
        ("宽带套餐多少钱", "寬帶", True),
        ("宽带套餐多少钱", "套餐 宽带", True),
        ("宽带套餐多少钱", "套餐 流量", False),
        ("宽带套餐,多少钱?", "套餐多少", True),
        ("请拨打10010", "一零零一零", True),
        ("请拨打10010", "10010", True),
        ("VIP客户", "vip", True),
        ("café的u盘", "u盘", True),
        ("café的u盘", "é的", True),
        ("𠮷野家", "𠮷野", True),
        ("宽带", "%", False),
        ("宽带", "_带", True),  # a mark is not said
        ("宽带", '"', False),
    ],
)
def test_what_is_contained(
    store: Store, spoken: Spoken, said: str, query: str, *, heard: bool
) -> None:
    with store.session() as session:
        save_call(session, spoken("好的请稍等", said), key="k")
    assert found(store, text=query) == ({"k"} if heard else set())


def test_a_call_scored_again_or_deleted_is_found_as_it_is(store: Store, spoken: Spoken) -> None:
    with store.session() as session:
        save_call(session, spoken("我要投诉", fingerprint="1"), key="k")
    with store.session() as session:
        call_id = save_call(session, spoken("我要退订", fingerprint="2"), key="k")
    assert (found(store, text="投诉"), found(store, text="退订")) == (set(), {"k"})
    with store.session() as session:
        delete_call(session, call_id)
    with store.session() as session:
        save_call(session, spoken("好的"), key="other")
    assert found(store, text="退订") == found(store, sound="退订") == set()


@given(st.lists(st.sampled_from(sorted(inventory())), min_size=1, max_size=6))
def test_pinyin_is_cut_into_syllables(sounds: list[str]) -> None:
    spelt = wanted(" ".join(sounds))
    assert [set(sound) for sound in spelt] == [
        {sound} for sound in sounds if sound not in {"en", "e", "a", "o", "ng"}
    ]


@given(
    st.lists(st.sampled_from(sorted(inventory())), min_size=1, max_size=5),
    st.lists(st.sampled_from(sorted(inventory())), max_size=8),
)
def test_the_distance_is_a_distance(query: list[str], heard: list[str]) -> None:
    asked = tuple(frozenset({sound}) for sound in query)
    far = distance(asked, heard)
    assert 0 <= far <= len(query)
    assert distance(asked, [*heard, *query, *heard]) == 0
    assert distance(asked, [*heard, "ma"]) <= far + 1e-9


@pytest.mark.parametrize("which", [{"text": "退订业务"}, {"text": "退"}, {"sound": "推定"}])
def test_the_index_is_what_answers(full: Store, which: dict[str, str]) -> None:
    """Not a scan of all that was ever said: the expression asked for is the one indexed."""
    asked: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "search_" in statement:
            asked.append((statement, parameters))

    event.listen(full.engine, "before_cursor_execute", listen)
    found(full, **which)
    event.remove(full.engine, "before_cursor_execute", listen)
    assert asked
    postgresql = full.engine.dialect.name == "postgresql"
    with full.engine.connect() as connection:
        if postgresql:  # a table as small as a test's would be read whole
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in asked:
            how = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
            plan = str(connection.exec_driver_sql(how + statement, parameters).all())
            assert ("Index Scan on search_terms_" if postgresql else "search_index") in plan
