"""Forbidden words that are quoted, denied, supposed or turned round do not count; others do."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.events import Alert, AlertState
from monitor.rules import Rulebook, load
from monitor.rules.engine.speech_acts import Act, excuse
from monitor.rules.language.pack import Example
from monitor.rules.tools.examples import example_call
from monitor.rules.tools.replay import replay, replay_session, standing

from .conftest import HEAD

EXCUSED = [
    ("您刚才反映营业员说", "你爱到哪儿告到哪儿告去", "是吗", Act.QUOTED),
    ("刚才您反映同事说", "你怎么这么啰嗦", "对吗", Act.QUOTED),
    ("他跟您说", "这个事你别找我", "是他不对", Act.QUOTED),
    ("那位同事跟您讲", "不归我们管", "对吧", Act.QUOTED),
    ("您的意思是", "我们骗您", "对吗", Act.QUOTED),
    ("您是说师傅", "让您自己弄", "是吗", Act.QUOTED),
    ("您听到有人说", "神经病", "是吗", Act.QUOTED),
    ("您刚才", "不是说过", "话费不对吗", Act.QUOTED),
    ("您昨天打电话的时候客服回复您", "没办法", "", Act.QUOTED),
    ("我们的客服不会说", "不会用就别用", "这样的话", Act.DENIED),
    ("公司规定不许对客户说", "你要投诉就投诉", "", Act.DENIED),
    ("我绝不会跟您说", "不知道", "", Act.DENIED),
    ("非常抱歉她不应该跟您说", "不会用就别用", "这样的话", Act.DENIED),
    ("我们不会", "不管您", "的", Act.DENIED),
    ("我从来没有跟您说过", "这个事你别找我", "", Act.DENIED),
    ("好的要是您那边还", "解决不了", "随时打过来", Act.SUPPOSED),
    ("如果", "办不了", "我会给您回电", Act.SUPPOSED),
    ("万一", "修不好", "我们给您换新的", Act.SUPPOSED),
    ("", "您没有搞错", "是我们搞错了", Act.TURNED),
    ("", "您没有弄错", "确实多收了五块钱", Act.TURNED),
    ("我听不清楚", "您能大声一点", "吗", Act.TURNED),
    ("", "要我说多少遍", "都可以没关系", Act.TURNED),
    ("", "您要找谁", "我帮您转接", Act.TURNED),
    ("那", "就这样吧", "您先试一下有问题再打过来", Act.TURNED),
    ("好的", "不会用就别用", "这种话确实不应该", Act.QUOTED),
]
MEANT = [
    ("我没说错是", "你搞错了", ""),
    ("我不是说了吗", "你搞错了", ""),
    ("", "你有没有搞错", ""),
    ("你自己没看清楚", "别来烦我", ""),
    ("我跟你说", "不会用就别用", ""),
    ("我告诉你", "你爱到哪儿告到哪儿告去", ""),
    ("你要是不满意", "你要投诉就去投诉", ""),
    ("没有", "你爱找谁找谁去", ""),
    ("我没时间", "你快说", ""),
    ("我不知道", "你别问我", ""),
    ("如果你不满意那", "你爱去哪告去哪告", ""),
    ("你说", "你烦不烦", ""),
    ("您说话", "你到底听不听", ""),
    ("", "你怎么这么啰嗦", "烦不烦"),
    ("我们没办法", "你自己去找他们", ""),
    ("都说了不行", "你怎么还是搞不清楚", ""),
    ("你不会用", "就别用", ""),
    ("他不在", "你回头再打吧", ""),
    ("我们经理也没办法", "你找谁都没用", ""),
    ("没有没有", "快点说", ""),
    ("我已经说了不能办", "不能办就是不能办", ""),
    ("你不要再说了", "我不想听", ""),
]


@pytest.mark.parametrize(("before", "words", "behind", "act"), EXCUSED)
def test_grammar_excuses(before: str, words: str, behind: str, act: Act) -> None:
    found = excuse(before, words, behind)
    assert found is not None
    assert found.act is act
    assert found.by


@pytest.mark.parametrize(("before", "words", "behind"), MEANT)
def test_a_negation_of_its_own_excuses_nothing(before: str, words: str, behind: str) -> None:
    assert excuse(before, words, behind) is None


PACK = HEAD + (
    "rules:\n"
    "  - id: use\n    title: 不会用\n    severity: fatal\n    never: [不会用就别用]\n"
    "  - id: sue\n    title: 告去\n    severity: fatal\n    never: [你爱到哪儿告到哪儿告去]\n"
    "  - id: often\n    title: 几遍\n    severity: major\n    never: [要我说多少遍]\n"
    "  - id: wrong\n    title: 搞错\n    severity: major\n    never: [你搞错了]\n"
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    file = tmp_path_factory.mktemp("acts") / "acts.yaml"
    file.write_text(PACK, encoding="utf-8")
    return load([file])


def raised(book: Rulebook, text: str) -> list[str]:
    call, _ = example_call(Example(text=text))
    return [alert.rule for alert in standing(replay(book, call))]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("不会用就别用", ["use"]),
        ("我跟你说，不会用就别用", ["use"]),
        ("没说错，是你搞错了", ["wrong"]),
        ("我们的客服不会说不会用就别用这样的话", []),
        ("您刚才反映营业员说你爱到哪儿告到哪儿告去，是吗", []),
        ("要我说多少遍都可以，没关系", []),
        ("要我说多少遍你才明白", ["often"]),
        ("他说不会用就别用是他不对，我跟你说，你爱到哪儿告到哪儿告去", ["sue"]),
    ],
)
def test_the_engine_heeds_what_stands_around(book: Rulebook, text: str, rules: list[str]) -> None:
    assert raised(book, text) == rules


def test_what_is_said_behind_takes_an_alert_back(book: Rulebook) -> None:
    call, _ = example_call(Example(text="要我说多少遍都可以，没关系"))
    session, outcome = replay_session(book, call)
    states = [out.state for out in outcome if isinstance(out, Alert)]
    assert states == [AlertState.RAISED, AlertState.RETRACTED]
    last = outcome[-1]
    assert isinstance(last, Alert)
    assert last.evidence["excused"] == {"act": "turned", "by": "都可以"}
    assert [(rule, why.act) for rule, _, why in session.excused] == [("often", Act.TURNED)]


def test_a_frame_of_another_turn_excuses_nothing(book: Rulebook) -> None:
    turns = [{"agent": "他跟您说"}, {"silence": "3s"}, {"agent": "不会用就别用"}]
    example = Example.model_validate({"turns": turns})
    call, _ = example_call(example)
    assert [alert.rule for alert in standing(replay(book, call))] == ["use"]


def test_the_thirteen_sentences_are_quiet() -> None:
    file = Path(__file__).parents[3] / "shared/cases/quoted-or-denied-phrase/sentences.txt"
    if not file.is_file():
        pytest.skip("needs ../shared/cases")
    book = load(["unicom-10010"])
    loud = {text: raised(book, text) for text in file.read_text("utf-8").split()}
    found = {text: [r for r in rules if "forbidden" in r] for text, rules in loud.items()}
    assert {text: rules for text, rules in found.items() if rules} == {}
