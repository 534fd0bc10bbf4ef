"""What goes into a store comes out of it: whole calls, live calls, recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from monitor import rules
from monitor.base import call_record
from monitor.base.call_record import CallRecord
from monitor.base.errors import UserError
from monitor.events import (
    Alert,
    AlertState,
    CallEnd,
    CallInfo,
    Event,
    Gap,
    Partial,
    Party,
    Reading,
    ScriptState,
    ScriptStatus,
    Severity,
    Speech,
    Token,
    Utterance,
    to_json,
)
from monitor.store import Store, packs, schema, write
from monitor.store.export import call_json, events
from monitor.store.schema import Call, Verdict, now
from monitor.testing import fixtures
from monitor.testing.calls import Made, made_calls

Spoken = Callable[..., dict[str, Any]]
_SOUND = fixtures.load("last-word").audio

same_store = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""Examples that share a store: each takes a call of its own."""

ms = st.integers(0, 3_600_000)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
ratio = st.floats(0, 1, allow_nan=False)
evidence = st.dictionaries(words, words | st.integers(-1000, 1000) | st.none(), max_size=2)
tokens = st.builds(Token, st.just(Party.AGENT), words, st.just("ni"), ms, ms, ratio)
some_events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Utterance, st.just(Party.AGENT), ms, ms, st.lists(tokens, max_size=3).map(tuple)),
    st.builds(
        Alert,
        id=st.sampled_from("abc"),
        rule=words,
        title=words,
        family=words,
        severity=st.sampled_from(Severity),
        party=st.sampled_from(Party),
        start_ms=ms,
        end_ms=ms,
        at_ms=ms,
        quote=words,
        similarity=ratio,
        state=st.sampled_from(AlertState),
        evidence=evidence,
    ),
    st.builds(
        ScriptState,
        rule=st.sampled_from("xy"),
        title=words,
        status=st.sampled_from(ScriptStatus),
        at_ms=ms,
        deadline_ms=st.none() | ms,
        occurrence=st.integers(0, 1),
        evidence=evidence,
    ),
    st.builds(
        Reading, words, ratio, words, ms, ms, st.none() | st.sampled_from(Party), st.booleans()
    ),
    st.builds(Gap, st.sampled_from(Party), ms, ms, words),
    st.builds(Speech, st.sampled_from(Party), ms),
    tokens,
)
infos = st.builds(
    CallInfo,
    id=words,
    source=words,
    parties=st.just((Party.AGENT, Party.CUSTOMER)),
    packs=st.just(("unicom-10010@1.0.0",)),
    started_at=st.none() | st.just("2026-11-20T19:30:00+08:00"),
    direction=st.sampled_from([None, "inbound", "outbound"]),
    facts=st.dictionaries(st.sampled_from(["agent", "queue", "tier", "x"]), words, max_size=4),
)
calls = st.tuples(
    infos, st.lists(some_events, max_size=12), st.builds(CallEnd, ms, st.none() | words)
).map(lambda call: [call[0], *call[1], call[2]])


def record_of(happened: list[Event]) -> dict[str, Any]:
    """The call JSON of events, as plain JSON data."""
    record = CallRecord()
    record(happened)
    plain: dict[str, Any] = json.loads(json.dumps(call_record.to_json(record)))
    return plain


@same_store
@given(calls)
def test_a_call_comes_out_as_it_went_in(store: Store, happened: list[Event]) -> None:
    data = record_of(happened)
    data["something_new"] = {"kept": [1, None]}
    with store.session() as session:
        call_id = write.save_call(session, data, key=uuid4().hex)
    with store.reading() as session:
        assert call_json(session, call_id) == data


@same_store
@given(calls, st.lists(st.integers(1, 5), min_size=1), st.randoms(use_true_random=False))
def test_a_live_call_becomes_what_its_record_says(
    store: Store, happened: list[Event], sizes: list[int], luck: Any
) -> None:
    """However the events are cut into batches, and though some are sent again."""
    with store.session() as session:
        call_id = write.begin_call(session, uuid4().hex)
    at = turn = 0
    while at < len(happened):
        size = sizes[turn % len(sizes)]
        first = max(0, at - luck.randrange(3))
        batch = [(event, 0) for event in happened[first : at + size]]
        as_data = [(json.loads(to_json(event)), now_ms) for event, now_ms in batch]
        with store.session() as session:
            chosen = as_data if luck.random() < 0.5 else batch
            at = write.append_events(session, call_id, first, chosen)
        turn += 1
    with store.reading() as session:
        assert call_json(session, call_id) == record_of(happened)
        assert [body for _, _, body in events(session, call_id)] == [
            json.loads(to_json(event)) for event in happened
        ]
        assert session.get_one(Call, call_id).status == "complete"


def test_made_calls_with_cards_round_trip(store: Store) -> None:
    for number, data in enumerate(made_calls(Made(calls=5))):
        with store.session() as session:
            call_id = write.save_call(session, data, key=str(number))
        with store.reading() as session:
            assert call_json(session, call_id) == data
            call = session.get_one(Call, call_id)
            assert call.score == data["score"]["total"]
            assert call.agent == data["call"]["facts"]["agent"]
            severities = [a["severity"] for a in data["alerts"] if a["state"] != "retracted"]
            assert call.alerts_major == severities.count("major")
            assert call.fatal_items == sum(line["fatal"] for line in data["score"]["lines"])


def test_saving_again_changes_nothing(store: Store, spoken: Spoken) -> None:
    data = spoken("您好", fingerprint="one")
    with store.session() as session:
        first = write.save_call(session, data, key="k")
        turns = session.scalars(select(schema.Utterance.id)).all()
    with store.session() as session:
        assert write.save_call(session, data, key="k") == first
        assert session.scalars(select(schema.Utterance.id)).all() == turns


def test_scoring_again_keeps_what_people_said(store: Store) -> None:
    data = next(call for call in made_calls(Made(calls=200)) if len(call["alerts"]) >= 2)
    with store.session() as session:
        call_id = write.save_call(session, data, key="k")
        alerts = session.scalars(select(schema.Alert).order_by(schema.Alert.ordinal)).all()
        judged = [alert.id for alert in alerts[:2]]
        for alert in alerts[:2]:
            session.add(
                Verdict(
                    call_id=call_id,
                    alert_id=alert.id,
                    rule=alert.rule,
                    start_ms=alert.start_ms,
                    end_ms=alert.end_ms,
                    verdict="right",
                    at=now(),
                )
            )
        session.get_one(Call, call_id).flags = ["复核"]
    again = deepcopy(data)
    again["fingerprint"] = "other rules"
    again["alerts"] = [{**again["alerts"][1], "title": "新标题"}]
    again["call"]["facts"] = {}
    again["call"]["started_at"] = None
    with store.session() as session:
        assert write.save_call(session, again, key="k") == call_id
    with store.reading() as session:
        assert call_json(session, call_id) == again
        verdicts = session.scalars(select(Verdict).order_by(Verdict.id)).all()
        assert [verdict.alert_id for verdict in verdicts] == [None, judged[1]]
        call = session.get_one(Call, call_id)
        assert call.flags == ["复核"]
        assert call.agent == data["call"]["facts"]["agent"], "known before, and not denied"
        assert call.started_at.isoformat() == data["call"]["started_at"]


def test_a_recording_that_failed_may_succeed_later(store: Store, spoken: Spoken) -> None:
    with store.session() as session:
        failed = write.save_failed(session, key="k", name="a", source="a.wav", error="读不了")
        assert session.get_one(Call, failed).status == "failed"
    with store.session() as session:
        assert write.save_call(session, spoken("您好"), key="k") == failed
    with store.session() as session:
        write.save_failed(session, key="k", name="a", source="a.wav", error="读不了")
        call = session.get_one(Call, failed)
        assert (call.status, call.error) == ("complete", "")


def test_something_that_is_no_call_is_refused(store: Store, spoken: Spoken) -> None:
    lacking = spoken("您好")
    del lacking["alerts"]
    with pytest.raises(UserError, match="alerts"), store.session() as session:
        write.save_call(session, lacking, key="k")
    broken = spoken("您好")
    del broken["utterances"][0]["end_ms"]
    with pytest.raises(UserError, match="end_ms"), store.session() as session:
        write.save_call(session, broken, key="k")
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Call)) == 0


def test_text_that_databases_cannot_hold(store: Store, spoken: Spoken) -> None:
    data = spoken("您好")
    data["utterances"][0]["text"] = "\0a\ud800"
    data["call"]["facts"] = {"agent": "坐\0席", "note": "\ud800\0"}
    with store.session() as session:
        call_id = write.save_call(session, data, key="k")
    with store.reading() as session:
        out = call_json(session, call_id)
        assert out["utterances"][0]["text"] == "\ufffda\ufffd"
        assert out["call"]["facts"] == data["call"]["facts"]
        assert session.get_one(Call, call_id).agent == "坐\ufffd席"


def test_events_that_leave_a_hole_or_are_none(store: Store) -> None:
    with store.session() as session:
        call_id = write.begin_call(session, "k", agent="A01")
    gap = Gap(Party.AGENT, 0, 10, "x")
    with store.session() as session:
        assert write.append_events(session, call_id, 0, [(gap, 10)]) == 1
    for first, batch in ((2, [(gap, 20)]), (1, [({"event": "nonsense"}, 20)])):
        with pytest.raises(ValueError, match=r"."), store.session() as session:
            write.append_events(session, call_id, first, batch)
    with pytest.raises(ValueError, match="no such call"), store.session() as session:
        write.append_events(session, 999, 0, [(gap, 10)])
    with store.reading() as session:
        assert write.next_seq(session, call_id) == 1
        assert session.get_one(Call, call_id).gaps == 1
        assert session.get_one(Call, call_id).agent == "A01"


def test_partials_are_not_kept_by_the_writer(store: Store) -> None:
    from monitor.store.live import LiveWriter

    with LiveWriter(store, "k") as writer:
        writer([Partial(Party.AGENT, "您", 10)], 10)
        writer([CallEnd(20)], 20)
    with store.reading() as session:
        assert [body["event"] for _, _, body in events(session, writer.call_id)] == ["end"]
        assert session.get_one(Call, writer.call_id).status == "complete"


def test_what_a_second_recogniser_heard(store: Store, spoken: Spoken) -> None:
    data = spoken("我要推定", "您好")
    turns = spoken("我要退订")["utterances"]
    data["review"] = {"recogniser": "better", "utterances": turns}
    with store.session() as session:
        call_id = write.save_call(session, data, key="k")
    with store.reading() as session:
        heard = select(schema.Utterance.confirmed_text).order_by(schema.Utterance.ordinal)
        assert session.scalars(heard).all() == ["我要退订", None]
        assert call_json(session, call_id) == data


def test_the_packs_that_judged_a_call(store: Store, spoken: Spoken) -> None:
    texts = packs.texts_of(rules.load(["unicom-10010"]))
    with store.session() as session:
        for number in range(2):
            call_id = write.save_call(session, spoken("您好"), key=str(number), packs=texts)
            session.expire_all()
            (pack,) = session.get_one(Call, call_id).packs
            assert (pack.name, pack.version) == ("unicom-10010", texts[0].version)
            assert "pack: unicom-10010" in pack.text
        assert session.scalar(select(func.count()).select_from(schema.Pack)) == 1


def test_recordings_are_kept_once_and_go_with_their_last_call(
    store: Store, spoken: Spoken, tmp_path: Path
) -> None:
    copy = tmp_path / "other name.WAV"
    copy.write_bytes(_SOUND.read_bytes())
    with store.session() as session:
        one = write.save_call(session, spoken("您好"), key="1", audio=_SOUND)
        two = write.save_call(session, spoken("您好"), key="2", audio=copy)
        (audio,) = session.scalars(select(schema.Audio)).all()
        assert audio.size == _SOUND.stat().st_size
        assert audio.duration_ms is not None
    kept = store.audio_path(audio.digest, audio.suffix)
    assert kept.read_bytes() == _SOUND.read_bytes()
    kept.with_name(f"{audio.digest}.peaks").write_text("derived")
    with store.session() as session:
        assert write.delete_call(session, one)
    assert kept.exists()

    def delete_and_fail() -> None:
        with store.session() as session:
            write.delete_call(session, two)
            raise RuntimeError("something else went wrong")

    with pytest.raises(RuntimeError):
        delete_and_fail()
    assert kept.exists(), "nothing was deleted, so the recording is back"
    with store.session() as session:
        assert write.delete_call(session, two)
        assert not write.delete_call(session, two)
    assert [path for path in store.audio_dir.rglob("*") if path.is_file()] == []
    with store.reading() as session:
        for table in schema.Base.metadata.tables.values():
            if table.name not in ("packs", "store_facts", "deleted_calls"):  # their keys stay
                assert session.scalar(select(func.count()).select_from(table)) == 0, table.name


def test_one_sound_under_two_endings_is_one_file(
    store: Store, spoken: Spoken, tmp_path: Path
) -> None:
    for number, ending in enumerate((".wav", ".wave")):
        path = tmp_path / f"call{ending}"
        path.write_bytes(_SOUND.read_bytes())
        with store.session() as session:
            write.save_call(session, spoken("您好"), key=str(number), audio=path)
    kept = [path for path in store.audio_dir.rglob("*") if path.is_file()]
    assert [path.suffix for path in kept] == [".wav"]


def test_a_recording_that_cannot_be_kept(store: Store, spoken: Spoken, tmp_path: Path) -> None:
    store.audio_dir.parent.mkdir(parents=True, exist_ok=True)
    store.audio_dir.write_text("in the way")
    with pytest.raises(UserError) as caught, store.session() as session:
        write.save_call(session, spoken("您好"), key="1", audio=_SOUND)
    assert "\n" not in str(caught.value)
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Call)) == 0
