"""The scorecard a person fills in: the items of the rule packs, answered by hand.

The form is made of the same rules, groups and points as the machine's card and
is added up by the same arithmetic (`monitor.rules.scorecard`); the machine's answers are
shown beside the items as suggestions and never become a person's by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.rules.language.resolve import ResolvedPack
from monitor.rules.scorecard import Cap, ItemStatus, Line, Scorecard, ScoreModel, summed


@dataclass(frozen=True, slots=True)
class Item:
    """One item: `weight` points to earn, or (weight 0) `deduct` points per time to lose.

    `at_most` bounds the deduction. `fatal` says what it zeroes when lost.
    """

    id: str
    title: str
    group: str
    weight: float = 0.0
    deduct: float = 0.0
    each: bool = True
    at_most: float | None = None
    fatal: str | None = None  # None, "group" or "card"
    cap: str | None = None  # the best grade left when lost
    scripted: bool = False  # something that must be said, not something that must not


@dataclass(frozen=True, slots=True)
class Form:
    """Groups with their points, the items in the packs' order, and the grades, best first."""

    full: float
    groups: Mapping[str, float]
    grades: Sequence[tuple[str, float]]
    items: Sequence[Item]

    def item(self, name: str) -> Item:
        """The item of that id.

        Raises:
            UserError: the form has none.
        """
        for item in self.items:
            if item.id == name:
                return item
        raise UserError(tr(f"评分表没有 {name} 这一项", f"the scorecard has no item {name}"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person says of one item.

    `points` matter for PARTLY (earned of the weight), `times` for LOST of an
    item that deducts.
    """

    item: str
    status: ItemStatus
    points: float | None = None
    times: int = 1
    comment: str = ""


def form_of_packs(packs: Sequence[ResolvedPack]) -> Form:
    """The form of some packs, which need not be compiled for it."""
    model = ScoreModel.of(packs)
    rules = [
        (pack.id, written.rule)
        for pack in packs
        for written in pack.rules.values()
        if written.rule.enabled and written.rule.score.counts
    ]
    return Form(
        full=model.full,
        groups=model.groups,
        grades=model.grades,
        items=tuple(
            Item(
                id=rule.id,
                title=rule.title,
                group=model.group(pack, rule),
                weight=rule.score.weight or 0.0,
                deduct=0.0 if rule.score.weight else model.deduction(pack, rule),
                each=rule.score.each,
                at_most=rule.score.at_most,
                fatal=model.fatal(pack, rule),
                cap=model.cap(pack, rule.severity),
                scripted=not rule.forbids and not rule.avoid and not rule.measure,
            )
            for pack, rule in rules
        ),
    )


def judge(form: Form, answers: Iterable[Answer]) -> Scorecard:
    """The card that a person's answers add up to.

    An item without an answer is not applicable: it leaves the denominator.

    Raises:
        UserError: an unknown item, an item answered twice, an answer that does
            not fit its item, or points outside the item's weight.
    """
    given: dict[str, Answer] = {}
    for answer in answers:
        form.item(answer.item)
        if answer.item in given:
            raise UserError(tr(f"{answer.item} 答了两次", f"{answer.item} is answered twice"))
        given[answer.item] = answer
    lines = [_line(item, given.get(item.id)) for item in form.items]
    zeroed = any(
        line.fatal and item.fatal == "card" for item, line in zip(form.items, lines, strict=True)
    )
    grades = form.grades or (("", 0.0),)
    caps = [
        Cap(item.cap, item.title)
        for item, line in zip(form.items, lines, strict=True)
        if line.times and item.cap is not None
    ]
    return summed(form.full, form.groups, grades, lines, zeroed, caps)


def _line(item: Item, answer: Answer | None) -> Line:
    status = answer.status if answer else ItemStatus.NOT_APPLICABLE
    comment = answer.comment.strip() if answer else ""
    weight, points, times = item.weight, 0.0, 0
    match status:
        case ItemStatus.NOT_APPLICABLE:
            weight = 0.0
        case ItemStatus.MET if item.weight:
            points = weight
        case ItemStatus.CLEAN if not item.weight:
            pass
        case ItemStatus.PARTLY if item.weight and answer:
            points, times = _part(item, answer), 1
        case ItemStatus.LOST if answer:
            times = 1 if item.weight else answer.times
            points = 0.0 if item.weight else -_deduction(item, times)
        case _:
            raise UserError(
                tr(
                    f"{item.title}：这一项不能答“{status.value}”",
                    f"{item.title}: {status.value} is no answer to this item",
                )
            )
    return Line(
        item=item.id,
        title=item.title,
        group=item.group,
        status=status,
        weight=weight,
        points=round(points, 2),
        times=times,
        fatal=bool(times) and item.fatal is not None,
        reason=comment,
    )


def _part(item: Item, answer: Answer) -> float:
    points = item.weight / 2 if answer.points is None else answer.points
    if not 0 <= points <= item.weight:
        raise UserError(
            tr(
                f"{item.title}：得分要在 0 到 {item.weight:g} 之间，不是 {points:g}",
                f"{item.title}: points run from 0 to {item.weight:g}, not {points:g}",
            )
        )
    return points


def _deduction(item: Item, times: int) -> float:
    if times < 1:
        raise UserError(
            tr(f"{item.title}：次数至少为 1", f"{item.title}: it happened once at least")
        )
    points = item.deduct * (times if item.each else 1)
    return points if item.at_most is None else min(points, item.at_most)
