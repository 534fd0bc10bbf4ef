"""The work of `monitor rules check`, `test`, `try` and `schema`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from monitor import rules
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.events import Alert, Party, ScriptState, Severity
from monitor.language.phrases import explain, nearest
from monitor.language.phrases.letters import without_sound
from monitor.rules.compiler.compile import compile_packs
from monitor.rules.language.pack import Example, Pack, Turn
from monitor.rules.language.problems import PackErrors, Problem
from monitor.rules.language.resolve import ResolvedPack, resolve, shipped, survey
from monitor.rules.tools import examples, innocent
from monitor.rules.tools.explain import meant
from monitor.rules.tools.replay import replay_session, standing


def named(packs: Sequence[str]) -> list[str | Path]:
    """The packs that were named, or all that come with the product."""
    chosen: list[str | Path] = list(packs) or list(shipped())
    if not chosen:
        raise UserError(
            tr(
                "没有随产品来的规则包；请写出文件名",
                "no packs come with this installation; name a file",
            )
        )
    return chosen


def resolve_each(packs: Sequence[str | Path]) -> list[ResolvedPack]:
    """Every pack by itself, so that a pack others build on is looked at too."""
    found: list[ResolvedPack] = []
    problems: list[Problem] = []
    for pack in packs:
        try:
            found += resolve([pack])
        except PackErrors as error:
            problems += error.problems
    if problems:
        raise PackErrors(problems)
    return found


def check(packs: Sequence[str], strict: bool) -> int:
    """Read, resolve and compile; returns the exit code."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    names = named(packs)
    for name in names:
        try:
            resolved, found = survey([name])
            book = compile_packs(resolved, found)
        except PackErrors as error:
            problems += error.problems
            continue
        if strict:
            problems += [
                place.problem(message) for place, message in examples.strict_problems(resolved)
            ]
        warnings += _warnings(book, resolved)
        for pack in resolved:
            phrases = len(book.listeners)
            click.echo(
                tr(
                    f"{pack.id} {pack.version}:{len(pack.rules)} 条规则，{phrases} 个短语",
                    f"{pack.id} {pack.version}: {len(pack.rules)} rules, {phrases} phrases",
                )
            )
    for warning in sorted(set(warnings)):
        click.echo(str(warning), err=True)
    unique = sorted(set(problems))
    for problem in unique:
        click.echo(str(problem), err=True)
    if unique:
        click.echo(tr(f"{len(unique)} 个错误", f"{len(unique)} errors"), err=True)
    return 1 if unique else 0


def _warnings(book: rules.Rulebook, resolved: Sequence[ResolvedPack]) -> list[Problem]:
    """What is no mistake, but not what its author will have meant."""
    written = {name: w for pack in resolved for name, w in pack.rules.items()}
    return _silent(book, resolved) + [
        written[taken.rule]
        .origin.place()
        .problem(
            tr(
                f"警告：规则 {taken.rule} 的“{taken.phrase}”会把平常的话当成违规："
                f"“{taken.sentence}”里的“{taken.quote}”；写长些，或者写进 unless",
                f"warning: rule {taken.rule}: {taken.phrase!r} also takes the harmless "
                f"{taken.quote!r} in {taken.sentence!r}; make it longer, or say unless",
            )
        )
        for taken in innocent.taken(book)
    ]


def _silent(book: rules.Rulebook, resolved: Sequence[ResolvedPack]) -> list[Problem]:
    """Phrases with a word that nobody knows how to say in Chinese."""
    origins = {f"rule:{name}": w.origin for pack in resolved for name, w in pack.rules.items()}
    for pack in resolved:
        for kind in ("situation", "slot"):
            origins |= {
                f"{kind}:{pack.id}/{name}": origin
                for (part, name), origin in pack.origins.items()
                if part == f"{kind}s"
            }
    found = []
    for key, listeners in book.listeners.items():
        text = key.rpartition("#")[0]
        for word in dict.fromkeys(without_sound(text)):
            message = tr(
                f"警告：短语“{text}”里的“{word}”不知道怎么念；大写逐个字母念（VIP），"
                "或者用汉字写出读音",
                f"warning: nobody knows how {word!r} in the phrase {text!r} is said; in capitals "
                "it is spelt out (VIP), or write its sound in characters",
            )
            homes = {f"{who.kind}:{who.key}" for who in listeners} & origins.keys()
            found += [origins[home].place().problem(message) for home in homes]
    return found


def test(packs: Sequence[str], only: Sequence[str]) -> int:
    """Run the examples; returns the exit code."""
    resolved = resolve_each(named(packs))
    known = {name for pack in resolved for name in pack.rules}
    for name in only:
        if name not in known:
            raise UserError(tr(f"没有规则 {name}", f"there is no rule {name}"))
    total = failed = 0
    seen: set[str] = set()
    for pack in resolved:
        wanted = [n for n in pack.rules if n not in seen and (not only or n in only)]
        seen |= set(wanted)
        if not wanted:
            continue
        outcome = examples.try_packs([pack], wanted)
        total += outcome.examples
        failed += len(outcome.failures)
        for failure in outcome.failures:
            _show_failure(failure)
        mark = click.style("✗", fg="red") if outcome.failures else click.style("✓", fg="green")
        click.echo(
            f"{mark} {pack.id} {pack.version}: "
            + tr(
                f"{outcome.rules} 条规则，{outcome.examples} 个例子，"
                f"{len(outcome.failures)} 个不对",
                f"{outcome.rules} rules, {outcome.examples} examples, "
                f"{len(outcome.failures)} failed",
            )
        )
    if not total:
        click.echo(tr("没有例子可跑", "no examples to run"))
    return 1 if failed else 0


def _show_failure(failure: examples.Failure) -> None:
    kind = {"alert": tr("应当告警", "must alert"), "quiet": tr("不许告警", "must stay quiet")}
    click.echo(click.style(f"✗ {failure.rule}", fg="red", bold=True) + f"  {failure.title}")
    click.echo(f"  {failure.place.problem('').__str__().rstrip(': ')}")
    click.echo(f"  {kind[failure.kind]}: {failure.example}")
    click.echo(f"  {failure.message}")


def try_text(pack: str, text: str, party_name: str, every: bool) -> int:
    """Say one sentence to a pack; exit code 0 whatever it finds."""
    party = Party(party_name)
    rulebook = rules.load([pack])
    example = Example(turns=(Turn(party=party_name, say=text),))  # type: ignore[arg-type]
    call, _ = examples.example_call(example)
    session, outcome = replay_session(rulebook, call)
    alerts = [alert for alert in standing(outcome) if alert.quote]
    met = [o for o in outcome if isinstance(o, ScriptState) and o.quote]
    tokens = [token for utterance in call.utterances for token in utterance.tokens]
    for alert in alerts:
        hint = tr("  提示", "  tip") if alert.severity is Severity.TIP else ""
        click.echo(click.style(f"● {alert.rule}", fg="red", bold=True) + f"  {alert.title}{hint}")
        if "like" in alert.evidence:
            click.echo(_indented("\n".join([f"“{alert.quote}”", *meant(alert.evidence)])))
            _advise(alert)
            continue
        phrase = alert.evidence.get("phrase")
        near = nearest(str(phrase), tokens) if phrase else None
        click.echo(_indented(explain(near)) if near else f"  “{alert.quote}”")
        _advise(alert)
    for rule, match, why in session.excused:
        title = rulebook.rules[rule].rule.title
        click.echo(click.style(f"○ {rule}", dim=True) + f"  {title}")
        told = tr(f"不算：{why.act.shown()}", f"does not count: {why.act.shown()}")
        click.echo(f"  “{match.quote}” {told}（{why.by}）")
    for state in met:
        click.echo(click.style(f"✓ {state.rule}", fg="green") + f"  {state.title}  “{state.quote}”")
    if not alerts and not met:
        click.echo(tr("没有命中", "nothing was hit"))
    if every or not alerts:
        _near_misses(rulebook, party, tokens, {a.rule for a in alerts})
    return 0


def _advise(alert: Alert) -> None:
    if alert.advice:
        click.echo("  " + tr("建议：", "say instead: ") + alert.advice)


def _near_misses(rulebook: rules.Rulebook, party: Party, tokens: list, hit: set[str]) -> None:  # type: ignore[type-arg]
    """The three forbidden phrases that came nearest without being hit."""
    found = []
    for phrase in rulebook.matchers[party].phrases:
        listeners = rulebook.listeners.get(phrase.key, ())
        names = [
            x.key for x in listeners if x.kind == "rule" and rulebook.rules[x.key].rule.forbids
        ]
        if names and names[0] not in hit:
            match = nearest(phrase.text, tokens)
            if match is not None:
                found.append((match.similarity, names[0], match))
    for _, name, match in sorted(found, key=lambda item: (-item[0], item[1]))[:3]:
        click.echo(click.style(f"○ {name}", dim=True) + "  " + rulebook.rules[name].rule.title)
        click.echo(_indented(explain(match)))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def schema() -> int:
    """Print the JSON Schema."""
    described = Pack.model_json_schema(by_alias=True)
    click.echo(json.dumps(described, ensure_ascii=False, indent=2))
    return 0
