"""`monitor rules dialogues`: the form, what it counts, and how it exits."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.events import Party
from monitor.language.misheard import mishear
from monitor.language.pinyin import syllables
from monitor.rules import PackErrors
from monitor.rules.language.dialogue_file import read_dialogues, step
from monitor.rules.tools.dialogues import Runner, call_of

from .conftest import HEAD

Say = Callable[..., tuple[int, str, str]]

PACK = HEAD + (
    "rules:\n"
    "  - {id: who, title: 不说你找谁, source: [A-023], severity: major, never: [你找谁]}\n"
    "  - {id: hint, title: 提示, source: [D-001], severity: tip, never: [差不多吧]}\n"
    "  - {id: hello, title: 问好, source: [BO-09], must: [您好], within: 5s}\n"
)
FILE = """
families: {RUDE: [A-023, A-024]}
loads: {mine: [PACK]}
frames:
  mine: {call: {direction: inbound}, head: [A@1 您好], tail: [C 再见], released_by: customer}
dialogues:
- {id: one, fam: 生硬, kind: literal, load: mine, want: [RUDE], turns: [C 喂, A 你找谁]}
- {id: two, fam: 生硬, kind: para, load: mine, want: [RUDE], turns: [A 找哪个啊你]}
- {id: three, fam: 清白, kind: near, load: mine, want: [], turns: [A 好的, '~ 3', A 差不多吧]}
- {id: four, fam: 清白, kind: near, load: mine, want: [], turns: [A 你找谁]}
- {id: five, fam: 开场, load: mine, frame: false, also: [BO-09], turns: [A@1 喂]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    pack = tmp_path / "pack.yaml"
    pack.write_text(PACK, encoding="utf-8")
    path = tmp_path / "dialogues.yaml"
    path.write_text(FILE.replace("PACK", str(pack)), encoding="utf-8")
    return path


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["--lang", "zh", "rules", "dialogues", *words])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run


def test_a_line_of_json_per_dialogue(say: Say, file: Path) -> None:
    code, out, _ = say(str(file), "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["id"] for row in rows] == ["one", "two", "three", "four", "five"]
    assert rows[0] == {
        "id": "one",
        "fam": "生硬",
        "kind": "literal",
        "wants": [{"want": "RUDE", "found": ["who"]}],
        "alerts": [{"rule": "who", "severity": "major", "quote": "你找谁"}],
        "false": [],
        "score": rows[0]["score"],
        "grade": rows[0]["grade"],
    }
    assert rows[0]["score"] < rows[1]["score"] == 100
    assert rows[1]["wants"] == [{"want": "RUDE", "found": []}]
    assert [a["rule"] for a in rows[2]["alerts"]] == ["hint"]
    assert rows[2]["false"] == []  # a tip is never false
    assert [a["rule"] for a in rows[3]["false"]] == ["who"]
    assert [a["rule"] for a in rows[4]["alerts"]] == ["hello"]  # `also`
    assert rows[4]["false"] == []


def test_the_table_says_what_was_missed_and_what_was_false(say: Say, file: Path) -> None:
    code, out, _ = say(str(file))
    assert code == 0
    assert "漏 two para [RUDE]" in out
    assert "误 four near who (major)" in out
    assert "∑\t∑\t5\t1/2 50%\t1/3\t1" in out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--min-recall", "0.5", "--max-false", "0.4"], 0, ""),
        (["--min-recall", "0.6"], 1, "找到 50.0%，低于 60.0%"),
        (["--max-false", "0.3"], 1, "33.3% 有误报，高于 30.0%"),
    ],
)
def test_the_exit_code_follows_the_bounds(
    say: Say, file: Path, words: list[str], code: int, told: str
) -> None:
    left, _, err = say(str(file), *words)
    assert left == code
    assert told in err


def test_packs_take_the_place_of_the_loads(say: Say, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(PACK.replace("你找谁]", "找哪个]").replace("who", "which"), encoding="utf-8")
    _, out, _ = say(str(file), "--json", "--pack", str(other))
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["wants"][0]["found"] for row in rows[:2]] == [[], ["which"]]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "told"),
    [
        ("turns: [C 喂, A 你找谁]", "note: 空", 7, "缺少 turns"),
        ("A 找哪个啊你", "Z 找哪个啊你", 8, "读不懂"),
        ("id: two, fam: 生硬, kind: para, load: mine", "id: two, load: mein", 8, "没有 mein"),
        ("id: four, fam: 清白, kind: near", "id: four, knd: near", 10, "没有 “knd” 这个键"),
        ("id: two", "id: one", 8, "编号重复"),
    ],
)
def test_mistakes_come_with_their_place(
    file: Path, right: str, wrong: str, line: int, told: str
) -> None:
    text = file.read_text("utf-8")
    assert right in text
    file.write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(PackErrors) as error:
        read_dialogues(file)
    assert told in str(error.value)
    assert f":{line}:" in str(error.value)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("A 您好", (Party.AGENT, "您好", None)),
        ("C@12.5 喂", (Party.CUSTOMER, "喂", 12_500)),
        ("A@3[pace=330,level=-12] 说", (Party.AGENT, "说", 3000)),
    ],
)
def test_a_turn_is_read(written: str, said: tuple[Party, str, int | None]) -> None:
    found = step(written)
    assert (found.party, found.text, found.at_ms) == said
    if "pace" in written:
        assert (found.pace, found.level) == (330, -12)


@pytest.mark.parametrize("written", ["B 您好", "A", "A[speed=3] 喂", "A[pace=x] 喂", "~ bald"])
def test_a_turn_that_cannot_be_read_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"读不懂|cannot read"):
        step(written)


def test_the_call_has_its_times(file: Path) -> None:
    read = read_dialogues(file)
    call = call_of(read, read.dialogues[2])
    starts = [(u.party, u.start_ms) for u in call.utterances]
    assert starts[0] == (Party.AGENT, 1000)
    assert starts[2][1] == call.utterances[1].end_ms + 3000  # the pause, and no gap besides
    assert call.end.released_by == "customer"
    assert call.info.direction == "inbound"


def test_noise_is_the_same_every_time_and_of_the_size_asked_for(file: Path) -> None:
    read = read_dialogues(file)
    one, two = (call_of(read, read.dialogues[0], 0.5) for _ in range(2))
    assert one == two != call_of(read, read.dialogues[0])
    text = "您好请问有什么可以帮您" * 200
    said = list(zip(text, syllables(text), strict=True))
    heard = mishear(said, 0.15, random.Random(1))
    changed = len(said) - sum(
        a == b for a, b in zip(said, mishear(said, 0, random.Random(1)), strict=True)
    )
    assert changed == 0
    lost = len(said) - len(heard)
    assert 0.02 * len(said) < lost < 0.06 * len(said)  # a quarter of the 15 %


def test_a_runner_compiles_once(file: Path) -> None:
    read = read_dialogues(file)
    runner = Runner()
    books = {id(runner.judge(read, d)) and len(runner._books) for d in read.dialogues}
    assert books == {1}
