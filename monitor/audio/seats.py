"""Who is on which channel of a recording: as told, as usual, and as its sound allows.

A channel that never carries anything is nobody. Channels with the same sound are
one mixed channel. Whatever was decided from the sound is told in a remark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.audio.channel_survey import Survey, survey
from monitor.audio.decode import Block, Decoder, TruncatedAudioError
from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.names import readable
from monitor.events import Party

READING = 3
"""Raised when recordings are read otherwise than before: results of an older reading are made
again."""

USUAL = {1: (Party.AGENT,), 2: (Party.AGENT, Party.CUSTOMER)}
"""Who is on the channels of a recording when nothing is said of them."""


@dataclass(frozen=True, slots=True)
class Seats:
    """Who is on each channel, None: nobody. `mixed`: everybody is on the one channel that is left
    though the file has more. `remarks` is what the user should know of the recording."""

    channels: tuple[Party | None, ...]
    remarks: tuple[str, ...] = ()
    mixed: bool = False

    @property
    def parties(self) -> tuple[Party, ...]:
        """Who is in the call, in the order of the channels."""
        return tuple(party for party in self.channels if party is not None)


def seat(
    path: Path,
    told: Sequence[Party | None] | None = None,
    watched: Callable[[Iterator[Block]], Iterator[Block]] = lambda blocks: blocks,
) -> Seats:
    """Listen to a whole recording once and say who is where.

    `told` names the parties in the order of the channels, None for a channel
    that is to be left out. `watched` sees the audio go by.

    Raises:
        UserError: it is no readable recording, the channels are not those told, or there are more
            than two that differ and nothing was told.
    """
    with Decoder(path) as decoder:
        count = decoder.info.channels
        _check_count(path, count, told)
        try:
            found = survey(watched(decoder.blocks()), decoder.info.rate, count)
        except TruncatedAudioError as error:
            if not error.reached_ms:
                raise
            found = Survey((False,) * count, tuple(range(count)))
        remarks = list(decoder.remarks)
    return _seated(path, found, told, remarks)


def usual(path: Path, count: int, told: Sequence[Party | None] | None) -> tuple[Party | None, ...]:
    """Who is on each channel by what was told and by custom alone, without listening.

    Raises:
        UserError: the channels are not those told, or more than two.
    """
    _check_count(path, count, told)
    who = tuple(told) if told is not None else USUAL.get(count, ())
    if len(who) != count:
        raise _too_many(path, count)
    return who


def _seated(
    path: Path, found: Survey, told: Sequence[Party | None] | None, remarks: list[str]
) -> Seats:
    count = len(found.silent)
    if all(found.silent):
        remarks.append(
            tr(
                "整个录音没有人声，只有静音或噪声",
                "nobody is heard in the whole recording: silence or noise alone",
            )
        )
        return Seats(usual(path, count, told), tuple(remarks))
    own = [i for i in range(count) if found.same[i] == i and not found.silent[i]]
    if told is not None and len(told) == count:
        who = list(told)
    elif count in USUAL:
        who = list(told or USUAL[count])
    elif len(own) in USUAL:
        names = told or USUAL[len(own)]
        who = [None] * count
        for i, party in zip(own, names, strict=False):
            who[i] = party
        remarks.append(_chosen(own))
    else:
        raise _too_many(path, count)
    remarks += _silent(found, who)
    twins = [i for i in range(count) if found.same[i] != i and who[i] is not None]
    mixed = False
    for i in twins:
        if who[found.same[i]] is None:
            continue
        remarks.append(_same(found.same[i], i))
        mixed = who[found.same[i]] != who[i]
        # Both parties in one channel: as in a mono recording, it is the agent's.
        who[found.same[i]], who[i] = (Party.AGENT if mixed else who[found.same[i]]), None
    seated = tuple(None if found.silent[i] else who[i] for i in range(count))
    if not any(seated):
        return Seats(tuple(who), tuple(remarks))
    return Seats(seated, tuple(remarks), mixed)


def _silent(found: Survey, who: Sequence[Party | None]) -> list[str]:
    remarks = []
    for i, silent in enumerate(found.silent):
        if not silent or who[i] is None:
            continue
        name_zh = "坐席" if who[i] is Party.AGENT else "客户"
        remarks.append(
            tr(
                f"第 {i + 1} 声道（{name_zh}）自始至终没有声音，按没有这一方处理",
                f"channel {i + 1} ({who[i]}) carries no sound from beginning to end:"
                " the call is taken as one without that party",
            )
        )
    return remarks


def _same(first: int, second: int) -> str:
    return tr(
        f"第 {first + 1}、{second + 1} 声道的声音相同，是混在一起的单声道，不分坐席和客户",
        f"channels {first + 1} and {second + 1} carry the same sound: it is one mixed channel,"
        " agent and customer cannot be told apart by it",
    )


def _chosen(own: Sequence[int]) -> str:
    numbers = "、".join(str(i + 1) for i in own)
    return tr(
        f"只有第 {numbers} 声道有各自的声音，只用这些声道",
        f"only channel(s) {', '.join(str(i + 1) for i in own)} carry a sound of their own:"
        " the others are left out",
    )


def _check_count(path: Path, count: int, told: Sequence[Party | None] | None) -> None:
    if told is None or len(told) == count or (count > len(USUAL) and len(told) in USUAL):
        return
    shown = readable(path)
    raise UserError(
        tr(
            f"{shown}：有 {count} 个声道，--channels 却写了 {len(told)} 个，请按声道逐一写明",
            f"{shown}: has {count} channel(s), but --channels names {len(told)}:"
            " name one party per channel",
        )
    )


def _too_many(path: Path, count: int) -> UserError:
    shown = readable(path)
    example = ",".join(["agent", "customer", *["-"] * (count - 2)])
    return UserError(
        tr(
            f"{shown}：有 {count} 个声道，请用 --channels 说明哪个是坐席、哪个是客户，"
            f"不用的写 -，例如 --channels {example}",
            f"{shown}: has {count} channels: say with --channels which is the agent's and which the"
            f" customer's, - for the others, e.g. --channels {example}",
        )
    )
