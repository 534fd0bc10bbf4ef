"""An alignment as a supervisor reads it: heard, expected, and why it was forgiven."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.base.i18n import tr
from monitor.language.phrases.values import Match, Step, StepKind
from monitor.language.pinyin import split_syllable


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the explanation; `cost` in edits, `why` in the reader's language."""

    heard: str
    expected: str
    cost: float
    why: str


def rows(match: Match) -> list[Row]:
    """The alignment of a match, one row per step."""
    return [
        Row(
            _side(step.heard, step.heard_sound, step.via),
            _side(step.expected, step.expected_sound, ""),
            step.cost,
            _why(step),
        )
        for step in match.alignment
    ]


def explain(match: Match) -> str:
    """A plain-text table of the alignment and a verdict line."""
    lines = [
        tr("听到 “{}”，期望 “{}”", 'heard "{}", expected "{}"').format(match.quote, match.pattern)
    ]
    for row in rows(match):
        lines.append(
            f"  {_pad(row.heard, 16)}{_pad(row.expected, 16)}{row.cost:5.2f}  {row.why}".rstrip()
        )
    lines.append(verdict(match))
    return "\n".join(lines)


def verdict(match: Match) -> str:
    """How alike, what was allowed, and what would have been needed."""
    head = tr(
        "相似度 {:.0%}，差 {:.2f} 个音节，允许 {:.2f}",
        "{:.0%} alike, {:.2f} syllables off, {:.2f} allowed",
    )
    text = head.format(match.similarity, match.cost, match.budget)
    if match.cost <= match.budget:
        return text + tr(" → 命中", " → a hit")
    missing = match.cost - match.budget
    wrong = [s.expected for s in match.alignment if s.cost >= 0.5 and s.expected]
    needed = tr(" → 未命中：还差 {:.2f}", " → no hit: {:.2f} too many").format(missing)
    if wrong:
        needed += tr("；没听到：{}", "; not heard: {}").format(" ".join(wrong))
    return text + needed


def _side(text: str, sound: str, via: str) -> str:
    if not text and not sound:
        return "·"
    shown = f"{text} {sound}".strip()
    return f"{shown}/{via}" if via else shown


def _why(step: Step) -> str:
    if step.kind is StepKind.SAME:
        if step.tone_differs:
            return tr("声调不同", "another tone")
        same = not step.heard or step.heard == step.expected
        return "" if same else tr("同音", "sounds the same")
    if step.kind is StepKind.SIMILAR:
        if step.via:
            return tr("识别器的另一候选", "the recogniser's other candidate") + f" {step.via}"
        return tr("近音", "easily confused") + f" {_pair(step)}"
    plain = {
        StepKind.SUBSTITUTED: tr("读音不同", "another sound"),
        StepKind.INSERTED: tr("多出的音节", "not expected"),
        StepKind.SKIPPED: tr("没听到", "not heard"),
        StepKind.FILLER: tr("口头语或重复", "hesitation or repetition"),
        StepKind.SLOT: tr("填空", "slot"),
        StepKind.GAP: tr("略过", "passed over"),
    }
    return plain[step.kind]


def _pair(step: Step) -> str:
    """The parts that differ: zh/z, ang/an."""
    (initial, final), (initial2, final2) = (
        split_syllable(step.heard_sound),
        split_syllable(step.expected_sound),
    )
    parts = []
    if initial != initial2:
        parts.append(f"{initial or '-'}/{initial2 or '-'}")
    if final != final2:
        parts.append(f"{final}/{final2}")
    return " ".join(parts)


def _pad(text: str, width: int) -> str:
    """Pad to `width` terminal columns (a Chinese character takes two)."""
    taken = sum(2 if ord(char) > 0x2E7F else 1 for char in text)
    return text + " " * max(1, width - taken)
