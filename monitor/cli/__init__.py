"""The command line. It composes everything and holds no logic of its own.

Each verb lives in a module of its own that is imported only when the verb is
used, so that `monitor --help` is instant.
"""

from __future__ import annotations

import gettext
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from monitor.base.errors import UserError
from monitor.base.i18n import Language, system_language, tr, use_language
from monitor.base.names import safe_lines
from monitor.cli.clean_output import cleaned
from monitor.cli.streams import write_anything

VERBS = (
    "demo",
    "listen",
    "devices",
    "score",
    "calls",
    "transcribe",
    "rules",
    "models",
    "watch",
    "report",
    "serve",
    "users",
    "audit",
)

EXIT_FAILED = 1  # done, but something in it failed (a call, an example, a check)
EXIT_USAGE = 2  # not done: bad usage or bad input
EXIT_INTERRUPTED = 130


class VerbGroup(click.Group):
    """Finds a verb's command in `monitor.cli.<verb>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"monitor.cli.{cmd_name}").command
        return command


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    write_anything()
    args, chosen = _take_language(list(sys.argv[1:] if argv is None else argv))
    use_language(chosen)
    _speak_to_click(chosen)
    os.umask(0o077)  # what is written here tells of people: their owner's alone
    with cleaned():
        code = _run(args)
    sys.exit(code)


def _speak_to_click(chosen: Language) -> None:
    """Let click's own words (usage, its complaints) follow the language too.

    click asks gettext's default domain, whose language is an environment variable.
    """
    gettext.bindtextdomain(gettext.textdomain(), Path(__file__).with_name("locale"))
    os.environ["LANGUAGE"] = chosen


def _run(args: list[str]) -> int:
    try:
        result = _group().main(args, prog_name="monitor", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_USAGE
    except click.ClickException as error:
        return _complain(error.format_message(), getattr(error, "ctx", None))
    except UserError as error:
        return _complain(str(error), None)
    except (click.Abort, KeyboardInterrupt):
        click.echo(tr("已中断", "interrupted"), err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; point stdout elsewhere so that exit stays quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    return result if isinstance(result, int) else 0


def _complain(message: str, context: click.Context | None) -> int:
    click.echo(f"{tr('错误', 'error')}: {safe_lines(message)}", err=True)
    if context is not None:
        hint = tr(
            f"用法见 {context.command_path} --help", f"see {context.command_path} --help for usage"
        )
        click.echo(hint, err=True)
    return EXIT_USAGE


def _take_language(args: list[str]) -> tuple[list[str], Language]:
    """Take `--lang` out of the arguments, wherever it stands: help texts depend on it."""
    chosen: str | None = os.environ.get("MONITOR_LANG")
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--lang":
            chosen = next(words, "")
        elif word.startswith("--lang="):
            chosen = word.removeprefix("--lang=")
        else:
            rest.append(word)
    if chosen is None:
        return rest, system_language()
    if chosen not in ("zh", "en"):
        click.echo(f"错误 error: --lang {chosen!r}: zh | en", err=True)
        sys.exit(EXIT_USAGE)
    return rest, "zh" if chosen == "zh" else "en"


def _group() -> click.Group:
    # A newline block starting with \b keeps click from re-wrapping the examples.
    text = tr(
        """普通话客服通话的实时语音分析与话术合规监测（离线运行）。

        \b
        示例：
          monitor demo                         播放内置通话，实时显示告警
          monitor listen --agent 头戴耳机      监测正在进行的通话
          monitor score 录音/ --out 结果/      批量评分
          monitor transcribe a.wav             转写
          monitor rules test                   运行规则自带的例句

        任何命令都可加 --lang zh|en 选择语言。""",
        """Real-time speech analytics and script compliance for Mandarin calls, offline.

        \b
        Examples:
          monitor demo                         play a bundled call with live alerts
          monitor listen --agent Headset       monitor a call in progress
          monitor score calls/ --out results/  score recordings
          monitor transcribe a.wav             transcribe
          monitor rules test                   run the examples of the rules

        Every command takes --lang zh|en.""",
    )

    @click.group(cls=VerbGroup, help=text, context_settings={"max_content_width": 100})
    @click.version_option(package_name="callmonitor", message="%(version)s")
    def group() -> None:
        pass

    return group


def option(
    *names: str, zh: str, en: str, **settings: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A click option with its help in the language in use."""
    return click.option(*names, help=tr(zh, en), **settings)
