"""`monitor rules …`: what it prints, and how it exits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.base.call_record import CallRecord, to_json
from monitor.cli import main
from monitor.events import Event
from monitor.rules import load
from monitor.rules.language.resolve import resolve
from monitor.rules.tools.backtest import Precision, backtest
from monitor.rules.tools.coverage import cover
from monitor.rules.tools.replay import grown, replay

from .conftest import HEAD, call_of

PACKS = Path(__file__).parent / "packs"
Say = Callable[..., tuple[int, str, str]]

GOOD = (
    HEAD + "not_covered: {A-066: 录音里听不出来}\n"
    "rules:\n"
    "  - id: who\n    title: 不说你找谁\n    source: [A-023]\n    never: [你找谁]\n"
    "    unless: [请问您找哪位]\n    say_instead: 请问您找哪位\n"
    "    examples: {alert: [喂【你找谁】], quiet: [请问您找哪位]}\n"
    "  - id: hello\n    title: 问好\n    source: [BO-09]\n    must: [您好]\n    within: 5s\n"
    "    examples: {alert: [喂], quiet: [您好]}\n"
)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command: (exit code, stdout, stderr)."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["--lang", "zh", "rules", *words])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    file = tmp_path / "good.yaml"
    file.write_text(GOOD, encoding="utf-8")
    return file


@pytest.fixture
def calls(tmp_path: Path, pack: Path) -> Path:
    """A folder with two stored calls, one of them reviewed."""
    folder = tmp_path / "calls"
    folder.mkdir()
    book = load([pack])
    for name, words in {"rude": "喂你找谁", "kind": "您好请问您找哪位"}.items():
        call = call_of({"at": 1, "agent": words}, end=60)
        record = CallRecord()
        events: list[Event] = [call.info, *call.utterances, *grown(call.readings), call.end]
        record(events + list(replay(book, call)))
        data = to_json(record)
        data["call"]["packs"] = [{"id": str(pack), "version": "1"}]
        data["reviews"] = [{"rule": "who", "start_ms": 0, "end_ms": 9000, "correct": True}]
        (folder / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def test_check_a_good_pack(say: Say, pack: Path) -> None:
    assert say("check", "--strict", str(pack))[:2] == (0, "test 1:2 条规则，2 个短语\n")


def test_check_prints_every_problem_and_fails(say: Say) -> None:
    code, _, err = say("check", str(PACKS / "unknown-key.bad.yaml"), str(PACKS / "twice.bad.yaml"))
    assert code == 1
    assert "unknown-key.bad.yaml:3:1: 没有 “titel” 这个键；是不是 title？" in err
    assert "twice.bad.yaml:3:1: “title” 写了两次" in err
    assert err.endswith("4 个错误\n")


def test_strict_check_wants_examples(say: Say) -> None:
    code, _, err = say("check", "--strict", str(PACKS / "child.good.yaml"))
    assert code == 1
    assert "规则 child-a 缺少 examples: alert 的例子" in err
    assert say("check", str(PACKS / "child.good.yaml"))[0] == 0


def test_test_runs_the_examples(say: Say, pack: Path) -> None:
    code, out, _ = say("test", str(pack))
    assert (code, out) == (0, "✓ test 1: 2 条规则，4 个例子，0 个不对\n")


def test_test_shows_what_went_wrong(say: Say, pack: Path) -> None:
    pack.write_text(
        GOOD.replace("喂【你找谁】", "【喂】你找谁").replace("quiet: [您好]", "quiet: [喂]")
    )
    code, out, _ = say("test", str(pack))
    assert code == 1
    assert "✗ who  不说你找谁" in out
    assert "good.yaml:" in out
    assert "应当告警: 【喂】你找谁" in out
    assert "告警了，但不在【】标的地方：“你找谁”" in out
    assert "不该告警，却告警了：没有说" in out
    assert "2 个不对" in out
    assert say("test", str(pack), "--rule", "who")[0] == 1
    assert say("test", str(pack), "--rule", "nobody")[0] == 2


def test_try_explains(say: Say, pack: Path) -> None:
    code, out, _ = say("try", str(pack), "喂你找谁")
    assert code == 0
    assert "● who  不说你找谁" in out
    assert "听到 “你找谁”，期望 “你找谁”" in out
    assert "建议：请问您找哪位" in out
    code, out, _ = say("try", str(pack), "今天天气不错")
    assert (code, "没有命中" in out) == (0, True)
    assert "✓ hello" in say("try", str(pack), "您好")[1]


def test_coverage(say: Say, pack: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.json"
    row = {"verbatim": ["原文"]}
    rows = {"A": ["A-023", "A-066", "A-067"], "B": ["BO-09"], "C": [], "D": []}
    inventory.write_text(
        json.dumps({s: [{"id": name, **row} for name in names] for s, names in rows.items()})
    )
    code, out, _ = say("coverage", str(pack), "--inventory", str(inventory))
    assert code == 1
    assert "节\t条目\t告警\t只提示\t要话务资料\t平时不开\t不查\t遗漏\n" in out
    assert "A\t3\t1\t0\t0\t0\t1\t1\n" in out
    assert "遗漏：A-067" in out
    full = say("coverage", str(pack), "--full")[1]
    assert "A-066\t不查\t录音里听不出来" in full
    assert "A-023\t告警\twho" in full
    assert say("coverage", str(pack))[0] == 0
    assert say("coverage", str(pack), "--inventory", str(pack))[0] == 2


STANDINGS = """
situations:
  {转接: {event: transfer}, 挂机: {released_by: agent}, 要投诉: {said: [我要投诉], party: customer},
  转或说: {any: [转接, 要投诉]}}
rules:
  - {id: hit, title: 甲, source: [A-001], never: [你找谁]}
  - {id: tip, title: 乙, severity: 提示, source: [A-001, A-002], never: [干什么]}
  - {id: gone, title: 丙, enabled: false, source: [A-003], never: [不知道]}
  - {id: vip, title: 丁, source: [A-004], when: {tier: VIP}, must: [尊敬的贵宾]}
  - {id: moved, title: 戊, source: [A-005], after: 转接, must: [为您转接]}
  - {id: hung, title: 己, source: [A-006], avoid: 挂机}
  - {id: either, title: 庚, source: [A-007], after: 转或说, must: [抱歉]}
not_covered: {A-008: 听不出来}
"""


def test_each_row_stands_by_the_best_of_its_rules(tmp_path: Path) -> None:
    file = tmp_path / "stand.yaml"
    file.write_text("pack: stand\ntitle: 覆盖\nversion: '1'\n" + STANDINGS, encoding="utf-8")
    texts = {f"A-00{n}": "" for n in range(1, 10)} | {"E-001": "保存三年"}
    rows = cover(resolve([file]), texts).rows
    assert {name: row.standing.value for name, row in rows.items()} == {
        "A-001": "enforced",
        "A-002": "tip",
        "A-003": "off",
        "A-004": "needs_data",
        "A-005": "needs_data",
        "A-006": "needs_data",
        "A-007": "enforced",  # what the customer says is enough
        "A-008": "not_covered",
        "A-009": "missing",
        "E-001": "not_covered",
    }
    assert rows["A-004"].needs == ("tier",)
    assert rows["A-005"].needs == ("events: transfer",)


def test_backtest(say: Say, pack: Path, calls: Path) -> None:
    code, out, _ = say("backtest", str(pack), "--calls", str(calls))
    assert code == 0
    assert out.startswith("2 通，0.03 小时\n")
    assert "who  不说你找谁\n  1/2 通，每小时 30.00 次，准确率 100%" in out
    assert "· rude 00:01 “你找谁”" in out


def test_backtest_against_another_version(
    say: Say, pack: Path, calls: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.yaml"
    changed.write_text(
        GOOD.replace("never: [你找谁]", "never: [请问您找哪位]").replace(
            "    unless: [请问您找哪位]\n", ""
        ),
        encoding="utf-8",
    )
    out = say("backtest", str(changed), "--calls", str(calls), "--against", str(pack))[1]
    assert "新增 1，消失 1" in out
    assert "+ kind 00:01 “请问您找哪位”" in out
    assert "- rude 00:01 “你找谁”" in out


def test_backtest_reports_what_it_cannot_read(say: Say, pack: Path, calls: Path) -> None:
    (calls / "broken.json").write_text("{")
    code, out, err = say("backtest", str(pack), "--calls", str(calls))
    assert code == 1
    assert "broken.json：不是有效的 JSON" in err
    assert out.startswith("2 通")
    assert say("backtest", str(pack), "--calls", str(calls / "none"))[0] == 2


def test_explain(say: Say, calls: Path) -> None:
    code, out, _ = say("explain", str(calls / "rude.json"), "who")
    assert code == 0
    assert "告警 who#1 “你找谁”" in out
    out = say("explain", str(calls / "rude.json"), "hello")[1]
    assert "[0] 00:05.0 漏说" in out
    assert "查了 00:00.0–00:05.0,4 个字" in out
    out = say("explain", str(calls / "kind.json"), "who")[1]
    assert "没有告警" in out
    assert "整通里最接近的" in out
    code, _, err = say("explain", str(calls / "kind.json"), "whoo")
    assert (code, "是不是 who？" in err) == (2, True)


def test_schema(say: Say) -> None:
    code, out, _ = say("schema")
    assert code == 0
    assert json.loads(out)["title"] == "Pack"


@pytest.mark.parametrize(
    "verb", ["check", "test", "try", "coverage", "backtest", "explain", "schema"]
)
def test_every_verb_has_help(say: Say, verb: str) -> None:
    code, out, _ = say(verb, "--help")
    assert code == 0
    assert verb in out


def test_wilson_interval() -> None:
    # Newcombe (1998), table I: 81 of 263.
    low, high = Precision(81, 263).bounds
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert Precision(0, 5).bounds[0] == pytest.approx(0.0)
    assert Precision(5, 5).bounds[1] == pytest.approx(1.0)


def test_backtest_finds_nothing_new_in_itself(pack: Path, calls: Path) -> None:
    book = load([pack])
    stored = [(f.stem, json.loads(f.read_text())) for f in sorted(calls.glob("*.json"))]
    result = backtest(book, stored, book)
    assert not any(history.new or history.lost for history in result.rules.values())
    assert result.rules["who"].calls == {"rude"}


def test_check_warns_and_still_passes(say: Say, tmp_path: Path) -> None:
    file = tmp_path / "warn.yaml"
    file.write_text(
        HEAD + "rules:\n  - {id: a, title: 甲, never: [请稍等, Netflix会员]}\n"
        "  - {id: b, title: 乙, never: [VIP客户, 没有WiFi]}\n"
    )
    code, _, err = say("check", str(file))
    assert code == 0
    assert "warn.yaml:5:5: 警告：规则 a 的“请稍等”会把平常的话当成违规" in err
    assert "warn.yaml:5:5: 警告：短语“Netflix会员”里的“Netflix”不知道怎么念" in err
    assert "VIP" not in err.replace("（VIP）", "")
    assert "WiFi" not in err
