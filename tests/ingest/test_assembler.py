"""The laws of the assembler: every sample at its place, whatever the wire does on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.call.live import end_ms
from monitor.events import Chunk, Gap, Party
from monitor.ingest.assembler import Assembler, Item, LegSettings
from monitor.ingest.formats import Format
from monitor.ingest.order import Packet
from monitor.ingest.patience import Patience

MONO = Format("s16le", 16_000)
AGENT, CUSTOMER = Party.AGENT, Party.CUSTOMER
BOTH = (AGENT, CUSTOMER)
STEP = 320  # samples of a packet of 20 ms
START = 5_000  # the receiver's clock when the call begins
FEW = settings(max_examples=60, deadline=None)


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise, so that every stretch of it is found at one place only."""
    return np.random.default_rng(seed).integers(-9_000, 9_000, int(seconds * 16_000), np.int16)


def packets(audio: np.ndarray, step: int = STEP) -> list[bytes]:
    return [audio[at : at + step].astype("<i2").tobytes() for at in range(0, len(audio), step)]


def opened(*parties: Party, paced: bool = True, silent: bool = False, form: Format = MONO):
    call = Assembler(parties or (AGENT,))
    for party in parties or (AGENT,):
        call.open(party.value, LegSettings((party,), form, paced, silent), START)
    return call


def line(items: Iterable[Item], party: Party = AGENT) -> np.ndarray:
    """The party's time line as int16, silence in the gaps; checks that nothing overlaps."""
    out = np.zeros(0, np.int16)
    for item in items:
        if item.party != party:
            continue
        ahead = item.start_ms * 16 - len(out)
        assert ahead > -16, "audio twice"
        out = np.concatenate([out, np.zeros(max(0, ahead), np.int16)])
        if isinstance(item, Chunk):
            out = np.concatenate([out, np.round(item.samples * 32768).astype(np.int16)])
        else:
            out = np.concatenate([out, np.zeros(item.end_ms * 16 - len(out), np.int16)])
    return out


def gaps(items: Sequence[Item]) -> list[Gap]:
    return [item for item in items if isinstance(item, Gap)]


def chunks(items: Sequence[Item]) -> list[Chunk]:
    return [item for item in items if isinstance(item, Chunk)]


@FEW
@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=12))
def test_how_the_audio_is_cut_changes_nothing(cuts: list[int]) -> None:
    audio = sound(0.5)
    data = audio.astype("<i2").tobytes()
    call, items, at, turn = opened(), [], 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]  # in bytes: samples are cut in two as well
        turn += 1
        at += size
        items += call.audio("agent", Packet(START + at // 32, data[at - size : at]))
    items += call.finish(START + 600)
    assert gaps(items) == []
    assert (line(items) == audio).all()


@FEW
@given(
    st.lists(st.integers(0, 80), min_size=40, max_size=40),
    st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_numbered_packets_in_any_order_and_twice_are_one_line(
    delays: list[int], twice: list[bool]
) -> None:
    audio = sound(0.8)
    wire = [
        (START + 20 * number + 20 + delay + extra, number, data)
        for number, (data, delay, doubled) in enumerate(
            zip(packets(audio), delays, twice, strict=True)
        )
        for extra in ([0, 7] if doubled else [0])
    ]
    call, items = opened(), []
    for arrival, number, data in sorted(wire):
        items += call.audio("agent", Packet(arrival, data, number * STEP, number))
    items += call.finish(START + 1_000)
    got = line(items)
    # The first packet to come may not be the first sent: what is before it is lost then.
    first = min(wire)[1]
    assert (got[-len(audio) + first * STEP :] == audio[first * STEP :]).all()
    assert gaps(items) == []


@FEW
@given(st.sets(st.integers(1, 48), max_size=30))
def test_lost_packets_leave_the_others_in_place(lost: set[int]) -> None:
    audio = sound(1.0)
    call, items = opened(), []
    for number, data in enumerate(packets(audio)):
        if number not in lost:
            arrival = START + 20 * number + 20
            items += call.audio("agent", Packet(arrival, data, number * STEP, number))
    items += call.finish(START + 1_100)
    expected = audio.copy()
    for number in lost:
        expected[number * STEP : number * STEP + STEP] = 0
    assert (line(items) == expected).all()
    assert sum(gap.end_ms - gap.start_ms for gap in gaps(items)) == 20 * len(lost)


@FEW
@given(st.integers(300, 20_000), st.integers(0, 30))
def test_a_sender_that_falls_silent_makes_a_hole_where_no_stamps_tell(
    silence_ms: int, jitter: int
) -> None:
    audio = sound(1.2)
    call, items = opened(), []
    for number, data in enumerate(packets(audio)):
        later = silence_ms if number >= 30 else 0
        arrival = START + 20 * number + 20 + later + (number * 13 % (jitter + 1))
        items += call.audio("agent", Packet(arrival, data))
    items += call.finish(START + 1_200 + silence_ms)
    [hole] = gaps(items)
    assert hole.start_ms == 600
    assert abs(hole.end_ms - hole.start_ms - silence_ms) <= jitter + 1
    assert (line(items)[hole.end_ms * 16 :] == audio[30 * STEP :]).all()


def test_silence_that_the_source_leaves_out_on_purpose_is_silence() -> None:
    call, items = opened(silent=True), []
    for number, data in enumerate(packets(sound(1.0))):
        later = 3_000 if number >= 25 else 0
        items += call.audio("agent", Packet(START + 20 * number + 20 + later, data))
    items += call.finish(START + 5_000)
    assert gaps(items) == []
    assert len(line(items)) == 4 * 16_000


@FEW
@given(st.integers(300, 4_000))
def test_what_a_network_held_up_comes_in_a_burst_and_loses_nothing(stall_ms: int) -> None:
    audio = sound(6.0)
    call, items = opened(), []
    for number, data in enumerate(packets(audio)):
        sent = START + 20 * number + 20
        held = START + 1_000 + stall_ms if 1_000 <= sent - START < 1_000 + stall_ms else sent
        items += call.audio("agent", Packet(held, data))
    items += call.finish(START + 6_100)
    assert gaps(items) == []
    assert (line(items) == audio).all()


@settings(max_examples=8, deadline=None)
@given(st.integers(-300, 300))
def test_clocks_that_differ_stay_together(parts_per_million: int) -> None:
    """An hour, in packets of a second: half of each is quiet, as in speech."""
    pattern = sound(1.0)
    pattern[8_000:] = 0
    data = pattern.astype("<i2").tobytes()
    call = opened(*BOTH)
    reached = dict.fromkeys(BOTH, 0.0)
    for second in range(1, 3_601):
        for party in BOTH:
            drift = 1 + parts_per_million / 1e6 * (party is CUSTOMER)
            arrival = START + round(1_000 * second / drift)
            for item in call.audio(party.value, Packet(arrival, data)):
                reached[item.party] = max(reached[item.party], end_ms(item))
        assert abs(reached[AGENT] - 1_000 * second) < 5
    for item in call.finish(START + 3_700_000):
        reached[item.party] = max(reached[item.party], end_ms(item))
    true_end = 3_600_000 / (1 + parts_per_million / 1e6)
    assert abs(reached[CUSTOMER] - true_end) <= 300
    assert (call.trimmed_ms > 0) == (parts_per_million > 75)


@FEW
@given(st.integers(100, 60_000), st.booleans())
def test_hold_keeps_both_parties_on_one_line(hold_ms: int, told: bool) -> None:
    """The customer is put on hold; the agent goes on speaking."""
    audio = sound(2.0)
    call, items = opened(*BOTH), []
    wire = []
    for number, data in enumerate(packets(audio)):
        wire.append((START + 20 * number + 20, "agent", data))
        later = hold_ms if number >= 50 else 0
        wire.append((START + 20 * number + 20 + later, "customer", data))
    for arrival, leg, data in sorted(wire, key=lambda packet: packet[0]):
        if told and leg == "customer" and arrival == START + 1_000 + 20 + hold_ms:
            call.resume("customer", arrival)
        items += call.audio(leg, Packet(arrival, data))
        if told and leg == "customer" and arrival == START + 1_000:
            items += call.hold("customer", arrival)
    items += call.finish(START + 3_000 + hold_ms)
    assert (line(items, AGENT) == audio).all()
    customer = line(items, CUSTOMER)
    if told or hold_ms > 250:
        assert abs(len(customer) / 16 - 2_000 - hold_ms) <= 20
    assert (customer[-len(audio) // 2 :] == audio[-len(audio) // 2 :]).all()


@FEW
@given(st.integers(100, 30_000))
def test_a_late_leg_is_a_gap_and_not_a_new_call(late_ms: int) -> None:
    call = Assembler(BOTH)
    audio = sound(1.0)
    call.open("a", LegSettings((AGENT,), MONO), START)
    items = call.audio("a", Packet(START + 1_000, audio.tobytes()))
    call.open("c", LegSettings((CUSTOMER,), MONO), START + late_ms)
    items += call.audio("c", Packet(START + late_ms + 1_000, audio.tobytes()))
    items += call.finish(START + late_ms + 1_000)
    [gap] = gaps(items)
    assert (gap.party, gap.start_ms, gap.end_ms) == (CUSTOMER, 0, late_ms)
    assert (line(items, CUSTOMER)[late_ms * 16 :] == audio).all()


@FEW
@given(st.integers(0, 2_000), st.sampled_from(["ulaw", "alaw", "s16be"]))
def test_a_transfer_goes_on_with_another_leg_and_another_codec(
    apart_ms: int, encoding: str
) -> None:
    call = Assembler((CUSTOMER,))
    call.open("first", LegSettings((CUSTOMER,), MONO), START)
    items = call.audio("first", Packet(START + 1_000, sound(1.0).tobytes()))
    second = LegSettings((CUSTOMER,), Format(encoding, 8_000))  # type: ignore[arg-type]
    call.open("second", second, START + 1_000 + apart_ms)
    items += call.audio("first", Packet(START + 1_020, sound(0.02).tobytes()))
    size = second.format.frame_bytes * 8_000
    items += call.audio("second", Packet(START + 2_000 + apart_ms, b"\x11" * size))
    items += call.finish(START + 2_000 + apart_ms)
    assert abs(len(line(items, CUSTOMER)) / 16 - 2_000 - apart_ms) <= 1


def test_the_codec_of_a_leg_changes() -> None:
    call = opened()
    items = call.audio("agent", Packet(START + 1_000, sound(1.0).tobytes()))
    items += call.reformat("agent", Format("ulaw", 8_000), START + 1_010)
    items += call.audio("agent", Packet(START + 1_500, b"\xff" * 4_000))
    items += call.finish(START + 1_500)
    assert abs(len(line(items)) / 16 - 1_500) <= 1


def test_stereo_is_two_parties_and_their_order_is_the_sources() -> None:
    agent, customer = sound(0.5, 1), sound(0.5, 2)
    data = np.stack([customer, agent], 1).astype("<i2").tobytes()
    call = Assembler(BOTH)
    call.open("x", LegSettings((CUSTOMER, AGENT), Format("s16le", 16_000, 2)), START)
    items = call.audio("x", Packet(START + 500, data)) + call.finish(START + 500)
    assert (line(items, AGENT) == agent).all()
    assert (line(items, CUSTOMER) == customer).all()


@pytest.mark.parametrize("rate", [8_000, 11_025, 24_000, 48_000])
def test_every_rate_is_as_long_as_it_lasted(rate: int) -> None:
    call = opened(form=Format("s16le", rate))
    items = []
    for number in range(100):
        packet = Packet(START + 20 * number + 20, b"\1\2" * (rate // 50))
        items += call.audio("agent", packet)
    items += call.finish(START + 2_000)
    assert gaps(items) == []
    assert abs(len(line(items)) / 16 - rate // 50 * 100 / rate * 1_000) < 1


def test_a_leg_without_goodbye_ends_the_call_when_nothing_comes() -> None:
    patience = Patience(idle_ms=1_000, hold_ms=9_000)
    call = Assembler((AGENT,), patience)
    assert call.over(START) is None
    call.open("a", LegSettings((AGENT,), MONO), START)
    call.audio("a", Packet(START + 20, bytes(640)))
    assert call.over(START + 1_019) is None
    assert call.over(START + 1_020) == "idle"
    call.hold("a", START + 900)
    assert call.over(START + 9_000) is None
    assert call.over(START + 9_900) == "idle"


def test_a_call_whose_legs_have_ended_waits_for_another() -> None:
    call = opened()
    call.audio("agent", Packet(START + 20, bytes(640)))
    call.end("agent", START + 100)
    assert call.over(START + 2_000) is None
    assert call.over(START + 2_100) == "ended"
    call.open("agent", LegSettings((AGENT,), MONO), START + 1_000)
    assert call.over(START + 2_100) is None
    assert call.end("nobody", START) == []


def test_the_call_does_not_wait_for_a_party_that_sends_nothing() -> None:
    call = opened(*BOTH, paced=False)
    audio = sound(4.0).tobytes()
    items = call.audio("agent", Packet(START + 4_000, audio))
    assert call.tick(START + 1_000) == []  # a burst: the other party may follow
    items += call.tick(START + 6_000)
    [gap] = gaps(items)
    assert (gap.party, gap.start_ms, gap.end_ms) == (CUSTOMER, 0, 4_000)
    items += call.audio("customer", Packet(START + 6_000, audio))
    items += call.finish(START + 6_000)
    assert len(line(items, CUSTOMER)) == 6 * 16_000


@FEW
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["audio", "open", "end", "hold", "resume", "tick"]),
            st.sampled_from(["a", "b", "s"]),
            st.integers(0, 3_000),
            st.binary(max_size=700),
            st.none() | st.integers(-(2**33), 2**33),
            st.none() | st.integers(-(2**33), 2**33),
        ),
        max_size=40,
    )
)
def test_whatever_a_peer_sends_time_only_goes_on(script: list[tuple]) -> None:
    """Garbage from a peer: the time line never overlaps, never breaks, and stays in bounds."""
    call = Assembler(BOTH)
    kinds = {
        "a": LegSettings((AGENT,), Format("ulaw", 8_000)),
        "b": LegSettings((CUSTOMER,), MONO),
        "s": LegSettings(BOTH, Format("s16be", 8_000, 2)),
    }
    now, items = START, []
    for what, leg, wait, data, stamp, number in script:
        now += wait
        if what == "open":
            items += call.open(leg, kinds[leg], now)
        elif what == "end":
            items += call.end(leg, now)
        elif what == "tick":
            items += call.tick(now)
        elif leg not in call.legs:
            with pytest.raises(KeyError):
                call.audio(leg, Packet(now, data))
        elif what == "audio":
            items += call.audio(leg, Packet(now, data, stamp, number))
        elif what == "hold":
            items += call.hold(leg, now)
        else:
            items += call.resume(leg, now)
    items += call.finish(now)
    for party in BOTH:
        assert len(line(items, party)) / 16 <= now - START + 15_000
