"""The matcher finds exactly what the exhaustive reference finds, however it is fed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from monitor.events import Alternative, Party, Token
from monitor.language.phrases import Match, Matcher, MatchStream, Phrase
from monitor.language.phrases.align import align, every_word
from monitor.language.phrases.cells import sharpen
from monitor.language.phrases.matcher import Compiled
from monitor.language.phrases.syllables import Syllable, split

from .reference import Occurrence, occurrences

# Few sounds, so that near misses, repeats and overlaps are common; some confusable.
CHARS = "你有没搞错清楚知道找照之自是四那个嗯啊还的话"
SOUNDS = ("ni", "you", "mei", "gao", "cuo", "qing", "chu", "zhi", "zi", "dao", "zhao", "shi", "si")

texts = st.text(st.sampled_from(CHARS), min_size=4, max_size=9)
gaps = st.sampled_from(["…", "…2", "…4"])


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Mostly plain; sometimes an optional part, a choice, a gap or a slot."""
    one, two = draw(texts), draw(texts)
    shape = draw(st.integers(0, 9))
    if shape == 0:
        return f"{one[:3]}[{two[:2]}]{one[3:]}"
    if shape == 1:
        return f"{one[:2]}({two[0]}|{two[1]}){one[2:]}"
    if shape == 2:
        return f"{one}{draw(gaps)}{two[:4]}"
    if shape == 3:
        return f"{one}{{工号}}"
    if shape == 4:
        return f"{{工号}}{one}"
    return one


@st.composite
def speech(draw: st.DrawFn, hints: list[str]) -> list[Token]:
    """Tokens of one party: pieces of the phrases, noise, digits; pauses, doubts, alternatives."""
    pieces = draw(
        st.lists(
            st.one_of(st.sampled_from(hints), st.text(st.sampled_from(CHARS + "八零"), max_size=5)),
            min_size=1,
            max_size=5,
        )
    )
    text = list("".join(pieces)[:36])
    for at in draw(st.lists(st.integers(0, 40), max_size=4)):
        if at < len(text):
            action = draw(st.integers(0, 2))
            text[at : at + 1] = [[], [text[at], text[at]], [draw(st.sampled_from(CHARS))]][action]
    tokens: list[Token] = []
    now = 0
    for char in text:
        now += draw(st.sampled_from([0, 0, 0, 0, 0, 0, 300, 3200]))
        confidence = draw(st.sampled_from([0.9, 0.9, 0.9, 0.4]))
        others: tuple[Alternative, ...] = ()
        if draw(st.integers(0, 5)) == 0:
            others = (Alternative(draw(st.sampled_from(SOUNDS)), draw(st.floats(0.02, 0.9))),)
        tokens.append(Token(Party.AGENT, char, "", now, now + 150, confidence, others))
        now += 150
    return tokens


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], list[Token]]:
    wanted = draw(st.lists(patterns(), min_size=1, max_size=3, unique=True))
    hints = [text.replace("…", "").replace("{工号}", "八零八") for text in wanted]
    hints = ["".join(c for c in hint if c not in "[]()|0123456789") for hint in hints]
    return wanted, draw(speech(hints))


def heard(matcher: Matcher, tokens: list[Token]) -> list[Match]:
    stream = MatchStream(matcher, Party.AGENT)
    matches = [match for token in tokens for match in stream.feed(token)]
    return matches + stream.end_utterance(tokens[-1].end_ms if tokens else 0)


def as_script(text: str) -> Phrase:
    """Reported whatever stands beside it: what is compared is the search itself."""
    return Phrase(text, text, role="script")


def expected(matcher: Matcher, tokens: list[Token]) -> list[tuple[str, int, int, int]]:
    units: list[Syllable] = [u for at, token in enumerate(tokens) for u in split(token, at)]
    found: list[tuple[str, int, int, int]] = []
    for compiled in matcher.compiled:
        lines = [matcher.index.places[place].line for place in compiled.places]
        hits: list[Occurrence] = occurrences(lines, units)
        found += [
            (compiled.phrase.key, units[hit.first].token, units[hit.last].token, hit.cost)
            for hit in hits
            if not lines[hit.line].short and _of_every_word(matcher, compiled, hit, units)
        ]
    return sorted(found)


def _of_every_word(
    matcher: Matcher, compiled: Compiled, hit: Occurrence, units: list[Syllable]
) -> bool:
    """The rule about words looks at the alignment, which only `align` gives."""
    place = matcher.index.places[compiled.places[hit.line]]
    found = align(matcher.index, place, units, hit.last, place.line.budget, floor=hit.first)
    assert found is not None
    return every_word(place.line, found)


def summary(matches: list[Match]) -> list[tuple[str, int, int, int]]:
    return sorted(
        (match.key, match.first_token, match.last_token, round(16 * match.cost))
        for match in matches
    )


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from([set(), {1, 2, 3, 4}]))
def test_stream_equals_reference(case: tuple[list[str], list[Token]], keen: set[int]) -> None:
    wanted, tokens = case
    matcher = Matcher(
        [as_script(text) for text in wanted],
        lambda phrase, lines: [sharpen(line, {len(line.cells) // 2} & keen) for line in lines],
    )
    long = {
        compiled.phrase.key
        for compiled in matcher.compiled
        if not any(matcher.index.places[place].line.short for place in compiled.places)
    }
    found = [match for match in heard(matcher, tokens) if match.key in long]
    assert summary(found) == [hit for hit in expected(matcher, tokens) if hit[0] in long]
    for match in found:
        # The alignment accounts for the cost, and the cost for the similarity.
        assert sum(step.cost for step in match.alignment) == match.cost
        assert match.cost <= match.budget


@settings(max_examples=60, deadline=None)
@given(cases(), st.data())
def test_words_or_syllables_make_no_difference(
    case: tuple[list[str], list[Token]], data: st.DataObject
) -> None:
    """A recogniser that returns words instead of syllables gives the same spans in time."""
    wanted, _ = case
    text = "".join(data.draw(st.lists(st.sampled_from(wanted), min_size=1, max_size=3)))
    text = "".join(c for c in text if c in CHARS)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(text))), max_size=6)) | {len(text)})
    from monitor.language.pinyin import readings, syllables

    # A word may tell tones that its characters by themselves do not (个个): another input.
    pieces = [text[a:b] for a, b in zip([0, *cuts], cuts, strict=False)]
    assume(all(readings(piece) == tuple(readings(c)[0] for c in piece) for piece in pieces))
    sounds = syllables(text)
    single = [
        Token(Party.AGENT, char, sound, at * 200, at * 200 + 200)
        for at, (char, sound) in enumerate(zip(text, sounds, strict=True))
    ]
    words = [
        Token(Party.AGENT, text[a:b], " ".join(sounds[a:b]), a * 200, b * 200)
        for a, b in zip([0, *cuts], cuts, strict=False)
        if text[a:b]
    ]
    matcher = Matcher([as_script(text) for text in wanted])

    def spans(tokens: list[Token]) -> list[tuple[str, int, int, str, float]]:
        return sorted(
            (m.key, m.start_ms, m.end_ms, m.quote, m.cost) for m in heard(matcher, tokens)
        )

    assert spans(words) == spans(single)


@settings(max_examples=60, deadline=None)
@given(cases(), patterns())
def test_a_phrase_is_found_whatever_the_others(
    case: tuple[list[str], list[Token]], other: str
) -> None:
    """Phrases do not disturb each other's search (scripts are never shielded)."""
    wanted, tokens = case
    alone = [m for text in wanted[:1] for m in heard(Matcher([as_script(text)]), tokens)]
    company = dict.fromkeys([*reversed(wanted), other])
    together = heard(Matcher([as_script(text) for text in company]), tokens)
    assert summary(alone) == summary([m for m in together if m.key == wanted[0]])


@settings(max_examples=60, deadline=None)
@given(cases())
def test_deterministic_and_shared(case: tuple[list[str], list[Token]]) -> None:
    """One matcher, two streams fed in turns: each hears only its own party."""
    wanted, tokens = case
    matcher = Matcher([Phrase(text, text) for text in wanted])
    once = heard(matcher, tokens)
    agent, customer = MatchStream(matcher, Party.AGENT), MatchStream(matcher, Party.CUSTOMER)
    mine: list[Match] = []
    theirs: list[Match] = []
    for token in tokens:
        mine += agent.feed(token)
        theirs += customer.feed(replace(token, party=Party.CUSTOMER))
    end = tokens[-1].end_ms if tokens else 0
    mine += agent.end_utterance(end)
    theirs += customer.end_utterance(end)
    assert mine == once
    assert [replace(match, party=Party.AGENT) for match in theirs] == once


def test_matches_never_cross_parties() -> None:
    matcher = Matcher([Phrase("a", "你有没有搞错")])
    streams = {party: MatchStream(matcher, party) for party in Party}
    found: list[Match] = []
    for at, char in enumerate("你有没有搞错"):
        party = list(Party)[at % 2]
        found += streams[party].feed(Token(party, char, "", at * 200, at * 200 + 200))
    for party in Party:
        found += streams[party].end_utterance(2000)
    assert found == []
