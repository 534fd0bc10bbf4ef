"""`monitor rules`: write rule packs, test them, and judge them by past calls."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import click

from monitor.base.i18n import tr
from monitor.cli import option, options

VERBS = (
    "check", "test", "try", "dialogues", "like", "coverage", "backtest", "labelled", "explain",
    "schema",
)  # fmt: skip


class _RuleVerbs(click.Group):
    """Each verb's work is imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)


@click.group(
    cls=_RuleVerbs,
    help=tr(
        """规则包：检查、测试、试一句、看覆盖、用历史通话评估。

        \b
        示例：
          monitor rules check 我的规则.yaml          检查，一次报出全部错误
          monitor rules test unicom-10010            运行规则自带的例子
          monitor rules try unicom-10010 "你找谁"    一句话会怎样，为什么
          monitor rules coverage                     覆盖了手册的哪些条目
          monitor rules backtest 新.yaml --calls 结果/ --against 旧.yaml
          monitor rules labelled --out 标注集/         人判过的通话,供 backtest 用
          monitor rules explain 结果/a.json unicom-opening

        规则语言见 docs/rules.md。""",
        """Rule packs: check, test, try a sentence, coverage, judge them by past calls.

        \b
        Examples:
          monitor rules check mine.yaml              check, all errors at once
          monitor rules test unicom-10010            run the rules' own examples
          monitor rules try unicom-10010 "你找谁"     what one sentence does, and why
          monitor rules coverage                     which rows of the manuals are covered
          monitor rules backtest new.yaml --calls results/ --against old.yaml
          monitor rules labelled --out labelled/     calls people judged, for backtest
          monitor rules explain results/a.json unicom-opening

        The language: docs/rules.md.""",
    ),
)
def command() -> None:
    pass


def _work(name: str) -> Any:
    return importlib.import_module(f"monitor.cli.rules_{name}")


def _packs_argument(function: Any) -> Any:
    return click.argument("packs", nargs=-1, metavar="[PACK]...")(function)


@command.command(
    "check",
    help=tr(
        """检查规则包：写法、名称、短语，一次报出全部错误（文件：行：列：怎么改）。
        不写 PACK 时检查随产品来的全部规则包。""",
        """Check packs; every error at once, as file:line:column: what to do.
        Without PACK: all packs that come with the product.""",
    ),
)
@_packs_argument
@option(
    "--strict",
    is_flag=True,
    zh="还要求每条规则都有两种例子（alert 和 quiet）",
    en="also demand both kinds of examples (alert and quiet) of every rule",
)
def check(packs: tuple[str, ...], strict: bool) -> int:
    return int(_work("check").check(packs, strict))


@command.command(
    "test",
    help=tr(
        """运行规则自带的例子:alert 的必须告警,quiet 的不许告警。不写 PACK 时全部运行。""",
        """Run the rules' examples: those under alert must alert, those under quiet must not.
        Without PACK: all packs.""",
    ),
)
@_packs_argument
@option(
    "--rule",
    "rules",
    multiple=True,
    metavar="ID",
    zh="只测这条规则，可多次使用",
    en="only this rule; may be repeated",
)
def test(packs: tuple[str, ...], rules: tuple[str, ...]) -> int:
    return int(_work("check").test(packs, rules))


@command.command(
    "try",
    help=tr(
        """试一句话：告警没有，听到了什么，宽容了什么，还差多少。

        \b
        示例：
          monitor rules try unicom-10010 "你有没有高错"
          monitor rules try my.yaml "我要投诉" --party customer""",
        """Try a sentence: what alerts, what was heard, what was forgiven, what is missing.

        \b
        Examples:
          monitor rules try unicom-10010 "你有没有高错"
          monitor rules try my.yaml "我要投诉" --party customer""",
    ),
)
@click.argument("pack")
@click.argument("text", metavar="TEXT")
@option(
    "--party",
    type=click.Choice(["agent", "customer"]),
    default="agent",
    show_default=True,
    zh="谁说的",
    en="who says it",
)
@option("--all", "every", is_flag=True, zh="列出所有短语的最近对齐", en="also show near misses")
def try_(pack: str, text: str, party: str, every: bool) -> int:
    return int(_work("check").try_text(pack, text, party, every))


@command.command(
    "dialogues",
    help=tr(
        """用带正确答案的对话考规则：该找到的找到多少，清白的通话误报多少。
        对话文件的写法见 docs/rules.md。

        \b
        示例：
          monitor rules dialogues 对话.yaml
          monitor rules dialogues 对话.yaml --noise 0.15 --min-recall 0.8 --max-false 0.03
          monitor rules dialogues 对话.yaml --pack 我的规则.yaml --json""",
        """Put rules to the test with dialogues whose right answers are known: how much of what
        must be found is found, and how many clean calls alarm. The form: docs/rules.md.

        \b
        Examples:
          monitor rules dialogues dialogues.yaml
          monitor rules dialogues dialogues.yaml --noise 0.15 --min-recall 0.8 --max-false 0.03
          monitor rules dialogues dialogues.yaml --pack mine.yaml --json""",
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@option(
    "--pack", "packs", multiple=True, metavar="PACK",
    zh="用这些规则包（默认：文件里 loads 写的）", en="use these packs (default: the file's loads)",
)  # fmt: skip
@option("--json", "as_json", is_flag=True, zh="每段对话一行 JSON", en="a line of JSON per dialogue")
@option(
    "--noise",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    zh="按实测的混淆听错多少音节（如 0.15）",
    en="share of syllables misheard, by the measured confusions (0.15)",
)
@option(
    "--min-recall",
    type=click.FloatRange(0, 1),
    zh="找到的比例低于它则退出码为 1",
    en="exit code 1 when less of the wanted is found",
)
@option(
    "--max-false",
    type=click.FloatRange(0, 1),
    zh="清白通话中有误报的比例高于它则退出码为 1",
    en="exit code 1 when more of the clean calls have a false alarm",
)
def dialogues(
    files: tuple[str, ...],
    packs: tuple[str, ...],
    as_json: bool,
    noise: float,
    min_recall: float | None,
    max_false: float | None,
) -> int:
    return int(_work("dialogues").dialogues(files, packs, as_json, noise, min_recall, max_false))


@command.command(
    "like",
    help=tr(
        """按意思判断的各类有多准：没参加学习的例句找到多少，准确率及其 95% 区间。""",
        """How precise the families of `like` are: on sentences that they were not learned from,
        the share found, and the precision with its 95 % interval.""",
    ),
)
def like() -> int:
    return int(_work("like").table())


@command.command(
    "coverage",
    help=tr(
        """手册条目的覆盖情况：每条由哪条规则管，或为什么不能管。
        给出 --inventory 时与条目清单核对,有遗漏则退出码为 1。""",
        """Which rows of the manuals are covered, by which rule, or why they cannot be.
        With --inventory it is compared with the list of rows; exit code 1 when one is missing.""",
    ),
)
@_packs_argument
@option(
    "--inventory",
    type=click.Path(),
    metavar="FILE",
    zh="条目清单 inventory.json",
    en="the list of rows, inventory.json",
)
@option("--full", is_flag=True, zh="逐条列出", en="list every row")
def coverage(packs: tuple[str, ...], inventory: str | None, full: bool) -> int:
    return int(_work("history").coverage(packs, inventory, full))


@command.command(
    "backtest",
    help=tr(
        """用规则包重跑已存的通话 JSON（不需要音频）：每条规则命中多少通、每小时几次，
        与另一版本相比新增和消失的命中，有复核时给出准确率及置信区间。""",
        """Run a pack over stored call JSON (no audio needed): per rule the calls hit and hits per
        hour, what is newly hit and newly lost against another version, and the precision with a
        confidence interval where reviews exist.""",
    ),
)
@click.argument("pack")
@option(
    "--calls", required=True, type=click.Path(), metavar="DIR", zh="通话 JSON 的文件夹",
    en="folder of call JSON",
)  # fmt: skip
@option("--against", metavar="PACK", zh="与这个版本比较", en="compare with this version")
@option("--quotes", default=3, show_default=True, zh="每条规则最多列几句", en="quotes per rule")
def backtest(pack: str, calls: str, against: str | None, quotes: int) -> int:
    return int(_work("history").backtest(pack, calls, against, quotes))


@command.command(
    "labelled",
    help=tr(
        """导出标注集：人在复核中的判断。--out 给 .jsonl 文件(或不写)时每行一个判过的发现;
        给文件夹或 .zip 时是带 reviews 的通话 JSON,正是 backtest --calls 要的。

        \b
        示例：
          monitor rules labelled --out 标注集/
          monitor rules backtest 新.yaml --calls 标注集/ --against 旧.yaml
          monitor rules labelled > 标注.jsonl""",
        """Export the labelled set: what people judged in reviews. Into a .jsonl file (or
        without --out), one judged finding per line; into a folder or a .zip, call JSON with
        reviews, which is what `backtest --calls` takes.

        \b
        Examples:
          monitor rules labelled --out labelled/
          monitor rules backtest new.yaml --calls labelled/ --against old.yaml
          monitor rules labelled > labelled.jsonl""",
    ),
)
@options.store
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    zh="写到哪里：.jsonl、.zip 或文件夹（默认：JSON 行写到屏幕）",
    en="where to: .jsonl, .zip or a folder (default: JSON lines on stdout)",
)
def labelled(store: str | None, out: Path | None) -> None:
    _work("labelled").export(store, out)


@command.command(
    "explain",
    help=tr(
        """一通已存的通话里，某条规则为什么触发或没有触发：查过的时段和最接近的一句。""",
        """Why a rule did or did not fire in a stored call: the span searched, the nearest miss.""",
    ),
)
@click.argument("call", metavar="CALL.json")
@click.argument("rule")
@option(
    "--pack", "packs", multiple=True, metavar="PACK",
    zh="用这些规则包（默认：通话当时用的）", en="use these packs (default: those of the call)",
)  # fmt: skip
def explain(call: str, rule: str, packs: tuple[str, ...]) -> int:
    return int(_work("history").explain(call, rule, packs))


@command.command(
    "schema",
    help=tr(
        """打印规则包的 JSON Schema,供编辑器补全和检查。""",
        """Print the JSON Schema of a pack, for editors.""",
    ),
)
def schema() -> int:
    return int(_work("check").schema())
