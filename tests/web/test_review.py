"""The review's pages and API: audio by range, what agents may do, what reviewers may."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from monitor.store import Store
from monitor.store.schema import Alert, Audit, User
from monitor.testing import fixtures
from tests.review.conftest import BAD, GOOD, Keep, book, keep  # noqa: F401 - fixtures
from tests.web.conftest import Browser

Enter = Callable[[str], Browser]


@pytest.fixture
def audio() -> Path:
    return fixtures.load("compliant").audio


@pytest.fixture
def call(keep: Keep, tokens: dict[str, str], audio: Path) -> int:  # noqa: F811
    """A call of the agent whose name is `agent`, with a recording and two findings."""
    return keep({"agent": "喂你说吧"}, {"agent": BAD}, agent="agent", audio=audio)


def _alert(store: Store, call: int, rule: str) -> int:
    with store.reading() as session:
        query = select(Alert.id).where(Alert.call_id == call, Alert.rule == rule)
        return session.scalars(query).one()


def test_audio_is_sent_by_range(call: int, signed_in: Enter, audio: Path) -> None:
    browser = signed_in("qa")
    whole = browser.get(f"/calls/{call}/audio")
    assert whole.status_code == 200
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.content == audio.read_bytes()
    part = browser.get(f"/calls/{call}/audio", headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.content)}"
    assert part.content == whole.content[1000:2000]
    tail = browser.get(f"/calls/{call}/audio", headers={"Range": "bytes=-44"})
    assert tail.content == whole.content[-44:]
    beyond = browser.get(f"/calls/{call}/audio", headers={"Range": "bytes=999999999-"})
    assert beyond.status_code == 416


def test_listening_is_audited_once_and_not_for_every_range(
    store: Store, call: int, signed_in: Enter
) -> None:
    browser = signed_in("qa")
    browser.get(f"/calls/{call}/audio")
    browser.get(f"/calls/{call}/audio", headers={"Range": "bytes=1000-1999"})
    with store.reading() as session:
        heard = session.scalars(select(Audit).where(Audit.action == "call.listen")).all()
    assert [(row.actor, row.object) for row in heard] == [("qa", f"call {call}")]


def test_peaks_are_sent_by_stretch(call: int, signed_in: Enter) -> None:
    browser = signed_in("qa")
    answer = browser.get(f"/calls/{call}/peaks?from_ms=1000&to_ms=3000&most=200")
    assert answer.status_code == 200
    channels = int(answer.headers["x-peaks-channels"])
    assert (answer.headers["x-peaks-start"], answer.headers["x-peaks-bucket"]) == ("1000", "10")
    peaks = np.frombuffer(answer.content, np.int8).reshape(-1, channels, 2)
    assert len(peaks) == 200
    assert (peaks[..., 0] <= peaks[..., 1]).all()
    assert peaks.any()


def test_a_call_without_a_recording_says_so(keep: Keep, signed_in: Enter) -> None:  # noqa: F811
    call = keep({"agent": GOOD}, agent="agent")
    browser = signed_in("qa")
    assert "没有保存录音" in browser.get(f"/calls/{call}").text
    assert browser.get(f"/calls/{call}/audio").status_code == 404
    assert browser.get(f"/calls/{call}/peaks").status_code == 404


def test_agents_see_their_own_call_and_nothing_of_the_review(
    store: Store, call: int, signed_in: Enter
) -> None:
    alert = _alert(store, call, "who")
    own, other = signed_in("agent"), signed_in("other")
    paths = ("", "/audio", "/peaks", "/findings", f"/evidence/alert-{alert}")
    for path in paths:
        assert own.get(f"/calls/{call}{path}").status_code == 200, path
        assert other.get(f"/calls/{call}{path}").status_code == 404, path
    said = {"ref": f"alert-{alert}", "verdict": "unsure", "reason": "再听听"}
    reviewer = signed_in("qa")
    judged = reviewer.post(f"/api/calls/{call}/verdicts", json=said)
    assert judged.status_code == 200
    assert "再听听" in reviewer.get(f"/calls/{call}").text
    page = own.get(f"/calls/{call}").text
    assert "再听听" not in page
    assert "不说“你找谁”" in page
    assert "申诉" in page
    for words in ('data-verdict="right"', "补标漏检", "收入案例", "整通听完", "评分表"):
        assert words not in page
    verdict = {"ref": f"alert-{alert}", "verdict": "wrong"}
    missed = {"rule": "who", "party": "agent", "start_ms": 0, "end_ms": 900}
    for method, path, body in (
        ("POST", f"/api/calls/{call}/verdicts", verdict),
        ("POST", f"/api/calls/{call}/missed", missed),
        ("PUT", f"/api/calls/{call}/flag", {"on": True}),
        ("PUT", f"/api/calls/{call}/heard", {"on": True}),
        ("GET", f"/api/calls/{call}/rules", None),
    ):
        assert own.request(method, path, json=body).status_code == 403, path
    for path in ("/calibration", "/rules", "/rules/labelled.jsonl", "/rules/labelled.zip"):
        assert own.get(path).status_code == 403, path


def test_an_agent_contests_a_finding_and_another_cannot(
    store: Store, call: int, signed_in: Enter
) -> None:
    alert = _alert(store, call, "who")
    own, other, reviewer = signed_in("agent"), signed_in("other"), signed_in("qa")
    given = {"call_id": call, "alert_id": alert, "reason": "客户让我这样确认的"}
    assert other.submit("/appeals", **given).status_code == 404
    assert reviewer.submit("/appeals", **given).status_code == 403
    filed = own.submit("/appeals", **given)
    assert filed.status_code == 200
    assert "客户让我这样确认的" in filed.text
    path = filed.url.path
    assert other.get(path).status_code == 404
    assert "客户让我这样确认的" not in other.get("/appeals").text
    assert own.submit(f"{path}/decide", upheld="true", reason="我说了算").status_code == 403
    again = own.submit("/appeals", **given)
    assert again.status_code == 400
    assert "已经申诉" in again.text
    assert "50 → 60" in reviewer.get(path).text  # what the score would be
    decided = reviewer.submit(f"{path}/decide", upheld="true", reason="听过,确是如此")
    assert "申诉成立" in decided.text
    assert "听过,确是如此" in own.get(path).text
    assert own.submit(f"{path}/withdraw").status_code == 400


def test_rules_of_appeals_are_set_by_trainers(signed_in: Enter) -> None:
    values = {"days": 3, "answer_days": 2, "per_finding": 1, "per_call": 4}
    assert signed_in("qa").submit("/appeals/policy", **values).status_code == 403
    trainer = signed_in("trainer")
    assert trainer.submit("/appeals/policy", **values).status_code == 200
    assert "3 天内可以申诉" in signed_in("agent").get("/appeals").text.replace("\n", " ")
    wrong = trainer.submit("/appeals/policy", **{**values, "days": 9999})
    assert wrong.status_code == 400
    assert "days" in wrong.text


def test_reviewers_judge_flag_and_export(store: Store, call: int, signed_in: Enter) -> None:
    alert = _alert(store, call, "who")
    browser = signed_in("qa")

    def send(method: str, path: str, body: object) -> int:
        url = f"/api/calls/{call}{path}"
        return int(browser.request(method, url, json=body).status_code)

    said = {"ref": f"alert-{alert}", "verdict": "wrong", "reason": "复述"}
    assert send("POST", "/verdicts", said) == 200
    assert send("POST", "/verdicts", {**said, "verdict": "maybe"}) == 422
    assert send("POST", "/verdicts", {**said, "ref": "alert-99999"}) == 400
    missed = {"rule": "quiet-one", "party": "agent", "start_ms": 500, "end_ms": 1300}
    assert send("POST", "/missed", missed) == 201
    assert send("POST", "/missed", {**missed, "end_ms": 10**8}) == 400
    assert send("PUT", "/flag", {"on": True}) == 200
    assert send("PUT", "/heard", {"on": True}) == 200
    lines = [json.loads(x) for x in browser.get("/rules/labelled.jsonl").text.splitlines()]
    assert {(x["rule"], x["correct"]) for x in lines} == {("who", False), ("quiet-one", True)}
    archive = zipfile.ZipFile(io.BytesIO(browser.get("/rules/labelled.zip").content))
    [name] = archive.namelist()
    data = json.loads(archive.read(name))
    assert {(r["rule"], r["correct"]) for r in data["reviews"]} == {
        ("who", False),
        ("quiet-one", True),
    }
    with store.reading() as session:
        trail = set(session.scalars(select(Audit.action)))
    assert {"finding.judge", "finding.add", "call.flag", "call.heard", "labelled.export"} <= trail


def test_a_clip_is_all_that_agents_get_of_a_shared_case(call: int, signed_in: Enter) -> None:
    trainer, agent = signed_in("trainer"), signed_in("other")
    given = {
        "call_id": call, "title": "问法生硬", "kind": "bad", "party": "agent", "rule": "who",
        "start_ms": 500, "end_ms": 2500, "note": "应说请问您找哪位",
    }  # fmt: skip
    hidden = trainer.submit("/cases", **given).url.path
    assert agent.get(f"{hidden}/clip").status_code == 404
    assert "暂时没有可学的案例" in agent.get("/cases").text
    shared = trainer.submit("/cases", **given, shared="1").url.path
    assert agent.get(shared).status_code == 403
    before = agent.get("/cases/learn")
    assert before.url.path == f"{shared}/learn"
    assert "应说请问您找哪位" not in before.text
    assert "问法生硬" not in before.text
    assert f"/calls/{call}" not in before.text
    assert agent.get(f"{shared}/clip").headers["content-type"] == "audio/wav"
    after = agent.submit(f"{shared}/learn", kind="bad", said="太生硬")
    assert "判断正确" in after.text
    assert "应说请问您找哪位" in after.text
    assert trainer.submit(f"{shared}/archive").status_code == 200
    assert agent.get(f"{shared}/clip").status_code == 404


def test_calibration_stays_blind_until_it_is_closed(
    call: int, signed_in: Enter, user_of: Callable[[str], User]
) -> None:
    trainer, reviewer, supervisor = (signed_in(n) for n in ("trainer", "qa", "supervisor"))
    members = [user_of("qa").id, user_of("supervisor").id]
    assert (
        reviewer.submit("/calibration", title="x", calls=[call], members=members).status_code == 403
    )
    page = trainer.submit("/calibration", title="三月", calls=[call], members=members)
    assert page.status_code == 200
    path = page.url.path
    assert trainer.get(f"{path}/calls/{call}").status_code == 404  # no member
    form = reviewer.get(f"{path}/calls/{call}").text
    assert "alert" not in form.partition("<main")[2].replace('role="alert"', "")
    answers = {"item:opening": "lost", "item:who": "clean", "item:quiet-one": "clean"}
    assert reviewer.submit(f"{path}/calls/{call}", **answers).status_code == 200
    assert reviewer.submit(f"{path}/calls/{call}", **{"item:who": "clean"}).status_code == 400
    assert "未评" in supervisor.get(path).text
    assert "极差" not in supervisor.get(path).text
    assert trainer.submit(f"{path}/close").status_code == 400
    given = {**answers, "item:opening": "met"}
    assert supervisor.submit(f"{path}/calls/{call}", **given).status_code == 200
    closed = trainer.submit(f"{path}/close").text
    assert "每一项的一致程度" in closed
    assert "极差" in closed


def test_rules_are_read_and_tried(call: int, signed_in: Enter) -> None:
    browser = signed_in("trainer")
    listed = browser.get("/rules").text
    assert "unicom-10010" in listed
    assert "desk" in listed
    pack = browser.get("/rules/pack?pack=desk").text
    assert "不说“你找谁”" in pack
    rule = browser.get("/rules/rule?pack=desk&rule=who&run=1").text
    assert "never:" in rule
    assert "通过" in rule
    tried = browser.get("/rules/try?pack=desk&text=你早谁").text
    assert "近音" in tried or "同音" in tried
    tested = browser.get("/rules/backtest?pack=desk&run=1&version=0&against=1&calls=5").text
    assert "你找谁" in tested
    for path in ("/rules/pack?pack=none", "/rules/rule?pack=desk&rule=none",
                 "/rules/backtest?pack=desk&version=999"):  # fmt: skip
        assert browser.get(path).status_code == 404
