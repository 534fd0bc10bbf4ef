"""Phrases on their whole way through recogniser, spotting and matching: found by which?

Used by `python -m benchmarks.spotting --flow`, `--pack` and `--examples`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.recognition import Clip, Condition, decode, hanzi, syllables
from monitor.asr.ctc import false_alarms
from monitor.asr.ctc.false_alarms import FALSE_ALARMS_PER_HOUR
from monitor.asr.ctc.keyword_spotter import Spotter
from monitor.asr.ctc.model_folder import ModelFolder
from monitor.asr.ctc.recognizer import CtcRecognizer
from monitor.asr.protocol import Spots
from monitor.events import SAMPLE_RATE, Chunk, Party, Samples, Spotted, Token
from monitor.language.phrases import Match, Matcher, MatchStream, Phrase
from monitor.language.phrases.keywords import Keyword, sought
from monitor.rules import Rulebook

WAYS = ("text", "spotting", "both")
_SILENCE = np.zeros(SAMPLE_RATE // 2, np.float32)


@dataclass(frozen=True, slots=True)
class Heard:
    """One stretch: tokens and finds in the order in which they became certain."""

    events: tuple[Token | Spotted, ...]
    end_ms: int

    def matches(self, matcher: Matcher, way: str) -> list[Match]:
        """What the rules would be told."""
        stream = MatchStream(matcher, Party.AGENT)
        found: list[Match] = []
        for event in self.events:
            match event:
                case Token():
                    found += stream.feed(event)
                case Spotted() if way != "text":
                    found += stream.spot(event)
        found += stream.end_utterance(self.end_ms)
        return [m for m in found if way != "spotting" or m.spotted is not None]

    @property
    def hours(self) -> float:
        return self.end_ms / 3_600_000


def hear(recognizer: CtcRecognizer, samples: Samples, wanted: tuple[Keyword, ...]) -> Heard:
    """A clip as a single stretch, its phrases spotted as in a call."""
    stream = recognizer.stream(Party.AGENT)
    assert isinstance(stream, Spots)
    stream.listen_for(wanted)
    events: list[Token | Spotted] = []
    tokens = stream.feed(Chunk(Party.AGENT, 0, np.concatenate([samples, _SILENCE])))
    tokens += stream.end_turn()
    for found in stream.spotted():
        while tokens and tokens[0].start_ms < found.at_ms:
            events.append(tokens.pop(0))
        events.append(found)
    return Heard((*events, *tokens), len(samples) * 1000 // SAMPLE_RATE)


class Sharing(CtcRecognizer):
    """A recogniser whose phrases may together cost `rate` false alarms per hour."""

    def __init__(self, folder: ModelFolder, rate: float) -> None:
        super().__init__(folder)
        self._rate = rate
        self._made: Spotter | None = None

    def spotter(self, phrases: tuple[Keyword, ...]) -> Spotter | None:
        found = false_alarms.read(self.folder)
        if self._made is None and found is not None:
            targets = false_alarms.targets(phrases, self.inventory, found, self._rate)
            self._made = Spotter(targets, self.inventory.blank)
        return self._made


@dataclass(slots=True)
class _Tally:
    said: int = 0
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    false: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    hours: float = 0.0


def recall(
    recognizer: CtcRecognizer,
    clips: Sequence[Clip],
    condition: Condition,
    phrases: dict[int, list[str]],
    pack: int,
) -> Iterator[dict[str, object]]:
    """Recall and false alarms of phrases by their length and way.

    Each phrase has the share of the false alarms that it would have in a pack
    of `pack` such phrases.
    """
    texts = [text for own in phrases.values() for text in own]
    matcher = Matcher([Phrase(text, text, role="script") for text in texts])
    wanted = sought(matcher)
    recognizer = Sharing(recognizer.folder, FALSE_ALARMS_PER_HOUR * len(texts) / pack)
    tallies = {length: _Tally() for length in phrases}
    random = np.random.default_rng(0)
    for clip in clips:
        heard = hear(recognizer, condition(decode(clip.audio), random), wanted)
        keys = {way: {m.key for m in heard.matches(matcher, way)} for way in WAYS}
        keys["spotting"] = {e.phrase for e in heard.events if isinstance(e, Spotted)}
        sentence = syllables(clip.text)
        for length, own in phrases.items():
            tally = tallies[length]
            for text in own:
                said = is_said(syllables(text), sentence)
                tally.said += bool(said)
                tally.hours += heard.hours * (said is False)
                for way in WAYS:
                    hit = text in keys[way]
                    tally.found[way] += hit and bool(said)
                    tally.false[way] += hit and said is False
    for length, tally in tallies.items():
        for way in WAYS:
            yield {
                "syllables": length,
                "way": way,
                "recall": round(tally.found[way] / max(1, tally.said), 4),
                "false": tally.false[way],
                "fa_per_hour": round(tally.false[way] / max(tally.hours, 1e-9), 5),
                "phrases": len(phrases[length]),
                "said": tally.said,
                "phrase_hours": round(tally.hours, 1),
                "pack": pack,
            }


def is_said(phrase: Sequence[str], sentence: Sequence[str]) -> bool | None:
    """Whether the syllables of a phrase are said in a sentence; None: but for one."""
    from rapidfuzz.distance import Levenshtein

    size = len(phrase)
    near = False
    for length in (size, size - 1, size + 1):
        for at in range(len(sentence) - length + 1):
            distance = Levenshtein.distance(phrase, sentence[at : at + length], score_cutoff=1)
            if distance == 0:
                return True
            near = near or distance == 1
    return None if near else False


def pack_alarms(
    recognizer: CtcRecognizer, clips: Iterable[Clip], condition: Condition, book: Rulebook
) -> Iterator[dict[str, object]]:
    """What the agent's phrases of a pack find in unrelated speech: everything counts as false."""
    matcher, wanted = book.matchers[Party.AGENT], book.sought[Party.AGENT]
    roles = {phrase.key: phrase.role for phrase in matcher.phrases}
    false: Counter[tuple[str, str]] = Counter()
    hours = 0.0
    random = np.random.default_rng(0)
    for clip in clips:
        heard = hear(recognizer, condition(decode(clip.audio), random), wanted)
        hours += heard.hours
        for way in WAYS:
            false.update((roles[match.key], way) for match in heard.matches(matcher, way))
    for role in ("alert", "script"):
        yield {
            "role": role,
            "phrases": sum(phrase.role == role for phrase in matcher.phrases),
            "hours": round(hours, 2),
            **{f"{way}_per_hour": round(false[role, way] / hours, 3) for way in WAYS},
        }


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of a pack's examples, and the rule whose phrase is (or is not) in it."""

    text: str
    rule: str
    alerts: bool


def example_lines(book: Rulebook) -> list[Line]:
    """What the examples of the rules with forbidden phrases have agents say, each text once."""
    found: dict[str, Line] = {}
    for name, ready in book.rules.items():
        rule = ready.rule
        if not rule.never or rule.party is Party.CUSTOMER:
            continue
        for alerts, examples in ((True, rule.examples.alert), (False, rule.examples.quiet)):
            for example in examples:
                if example.text is not None:
                    text = re.sub(r"[【】]", "", example.text)
                    if hanzi(text) and not re.search(r"[0-9A-Za-z]", text):
                        found.setdefault(text, Line(text, name, alerts))
    return list(found.values())


def spoken_examples(
    recognizer: CtcRecognizer, book: Rulebook, condition: Condition
) -> Iterator[dict[str, object]]:
    """The examples spoken by a synthesiser: alerts of their rule, by way.

    In those that must alert it should be found; in those that must stay quiet
    its phrases are nearly said: the hardest false alarms there are.
    """
    from monitor.testing.espeak import Voice, say

    matcher, wanted = book.matchers[Party.AGENT], book.sought[Party.AGENT]
    rules = {
        key: {li.key for li in listeners if li.kind == "rule"}
        for key, listeners in book.listeners.items()
    }
    random = np.random.default_rng(0)
    voices = (Voice("f2", speed=180), Voice("m3", speed=220))
    count = {True: 0, False: 0}
    found = {alerts: dict.fromkeys(WAYS, 0) for alerts in count}
    for number, line in enumerate(example_lines(book)):
        spoken = say(line.text, voices[number % len(voices)]).samples
        heard = hear(recognizer, condition(spoken, random), wanted)
        count[line.alerts] += 1
        for way in WAYS:
            matches = heard.matches(matcher, way)
            found[line.alerts][way] += any(line.rule in rules.get(m.key, ()) for m in matches)
    for alerts, number in count.items():
        yield {
            "examples": "alert" if alerts else "quiet",
            "n": number,
            **{f"{way}_alerted": found[alerts][way] for way in WAYS},
        }
