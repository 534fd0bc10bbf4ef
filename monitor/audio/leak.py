"""Leaked speech: what the other party says at that very moment, louder, on the other channel.

A telephone's hybrid, a loud earpiece or the next desk puts one party's voice
into the other's channel: late, quieter, filtered, through a codec. It is known
by its spectrum: over half a second the bands of this channel are those of the
other one some time ago, each raised or lowered by a constant. That constant is
then remembered, and a window whose bands stay below what such a leak explains is
set aside; a voice of this party's own stands out in bands where the other's is
weak, and is left alone.

Each window is judged by what both channels sent up to then: nothing is delayed,
and how the audio was cut up makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.audio.bands import BANDS, Bands, Levels, loudness
from monitor.audio.vad import WINDOW
from monitor.events import Samples

_LAGS = 27
"""A leak is 0 … 416 ms late, in steps of 16 ms."""

_FADE_DB = np.array([0, 0, 2, 4, 7, 10, 13], np.float32)[:, None]
"""How a leak rings on, per step, from one step before its lag (which may lie between two)."""

_FORGOTTEN_AFTER = 10  # windows; what sounds after such a pause may be somebody else
_LOOK_AGAIN = 3  # windows after which a leak that is known is looked at anew: it is half the cost
_NOTHING = np.zeros(WINDOW, np.float32)


@dataclass(frozen=True, slots=True)
class LeakSettings:
    """What counts as a leak. Levels in dB.

    A band sounds when it is `above_noise_db` above its noise, a channel when `sounding` bands do.
    Before anything is known, a channel leaks when its last windows are like the other one's
    (1: the same but for a constant per band, 0: unrelated): by `alike_soon` after `cells`
    (sounding bands times windows) and by `alike_later` after `cells_later`; by `faint_alike` less
    where the other one is `faint_db` louder, as hardly anybody speaks that softly. `memory` is
    what is kept of a window until the next. A likeness of `learn_alike` more is remembered,
    and followed at the rate `follow`.

    A band exceeds the leak when it is `margin_db` louder; the share of sounding bands that do,
    less `own_bands`, times `rise`, adds up from window to window between 0 and 1. From `own_at`
    on the party speaks itself, until it falls below `own_until`. A leak is `louder_db` louder
    on the other channel at least.

    Chosen on made-up calls of Common Voice speakers of the split `train` (docs/parties.md).
    """

    above_noise_db: float = 6.0
    sounding: int = 3
    cells: float = 50.0
    alike_soon: float = 0.86
    cells_later: float = 150.0
    alike_later: float = 0.74
    faint_db: float = 10.0
    faint_alike: float = 0.06
    memory: float = 0.94
    learn_alike: float = 0.04
    follow: float = 0.12
    margin_db: float = 5.0
    own_bands: float = 0.2
    rise: float = 1.6
    own_at: float = 0.45
    own_until: float = 0.1
    louder_db: float = 1.0


class LeakGate:
    """Keeps each of two channels free of the other's voice.

    Attributes:
        sounding: for each channel, whether there was any sound in its last window.
        aside: for each channel, whether that was a leak.
    """

    def __init__(self, settings: LeakSettings | None = None) -> None:
        self._settings = settings or LeakSettings()
        self._bands = Bands(_LAGS + len(_FADE_DB))
        self._likeness = _Likeness(self._settings.memory)
        self._sides = (_Side(self._settings), _Side(self._settings))
        self.sounding = (False, False)
        self.aside = (False, False)

    def feed(self, first: Samples, second: Samples) -> tuple[Samples, Samples]:
        """The next window (float32, shape (`WINDOW`,)) of both channels, without what leaked."""
        bands, settings = self._bands, self._settings
        bands.feed(first, second)
        active = bands.here > bands.noise + settings.above_noise_db
        sounding = active.sum(1) >= settings.sounding
        self._likeness.feed(bands, active, sounding)
        for number, side in enumerate(self._sides):
            if sounding[number]:
                side.judge(_View(bands, active[number], number), self._likeness)
            # Else it stays as it was: between two syllables of the leak, or of the party.
        self.sounding = (bool(sounding[0]), bool(sounding[1]))
        self.aside = (not self._sides[0].own, not self._sides[1].own)
        return (_NOTHING if self.aside[0] else first, _NOTHING if self.aside[1] else second)


class _View:
    """The last window as one side sees it: `here` is its own channel, `there` the other one."""

    def __init__(self, bands: Bands, active: npt.NDArray[np.bool_], side: int) -> None:
        self.side = side
        self.active = active
        self.here = bands.here[side]
        self.there = bands.past[1 - side]
        self.noise, self.there_noise = bands.noise[side], bands.noise[1 - side]


@dataclass(frozen=True, slots=True)
class _Alike:
    """How a channel resembles the other one of `lag` steps ago: `gain` per band (dB), and by how
    much (dB) the other one was louder."""

    likeness: float
    cells: float
    lag: int
    gain: Levels
    certain: npt.NDArray[np.bool_]  # bands that sounded long enough to tell
    louder_db: float


class _Likeness:
    """Each channel against the other one at every lag, over its last half second of sound.

    Kept as sums over the sounding bands of its own level (y), of the other's (x), of
    their squares and product, which fade from window to window.
    """

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._pause = [0, 0]  # windows without sound
        self._n = np.zeros((2, BANDS), np.float32)
        self._y = np.zeros((2, BANDS), np.float32)
        self._yy = np.zeros(2, np.float32)
        self._x = np.zeros((2, _LAGS, BANDS), np.float32)
        self._xx = np.zeros((2, _LAGS), np.float32)
        self._xy = np.zeros((2, _LAGS), np.float32)
        self._louder = np.zeros((2, _LAGS), np.float32)
        self._windows = np.zeros(2, np.float32)

    def feed(
        self, bands: Bands, active: npt.NDArray[np.bool_], sounding: npt.NDArray[np.bool_]
    ) -> None:
        keep = np.ones(2, np.float32)
        for side in (0, 1):
            self._pause[side] = 0 if sounding[side] else self._pause[side] + 1
            if sounding[side]:
                keep[side] = self._memory
            elif self._pause[side] == _FORGOTTEN_AFTER:
                keep[side] = 0.0
        if keep.min() == 1.0:
            return
        keep_lags = keep[:, None]
        counted = (active & sounding[:, None]).astype(np.float32)
        own = counted * bands.here
        other = np.maximum(bands.held[::-1, :_LAGS], bands.noise[::-1, None])
        weighed = counted[:, None] * other
        self._n = self._n * keep_lags + counted
        self._y = self._y * keep_lags + own
        self._yy = self._yy * keep + (own * bands.here).sum(1)
        self._x = self._x * keep[:, None, None] + weighed
        self._xx = self._xx * keep_lags + np.einsum("slb,slb->sl", weighed, other)
        self._xy = self._xy * keep_lags + np.einsum("slb,sb->sl", weighed, bands.here)
        louder = bands.past_loud[::-1, :_LAGS] - bands.loud[:, None]
        self._louder = self._louder * keep_lags + louder * sounding[:, None]
        self._windows = self._windows * keep + sounding

    def best(self, side: int) -> _Alike:
        """The lag at which the channel resembles the other one most."""
        n = self._n[side] + np.float32(1e-6)
        y, x = self._y[side], self._x[side]
        yy = self._yy[side] - (y**2 / n).sum()
        xx = self._xx[side] - (x**2 / n).sum(1)
        xy = self._xy[side] - (x * y / n).sum(1)
        likeness = 2 * xy / (xx + yy + 1e-3)
        lag = int(likeness.argmax())
        cells = float(n.sum())
        gain = (y - x[lag]) / n
        certain = n > 1.0
        return _Alike(
            float(likeness[lag]),
            cells,
            lag,
            np.where(certain, gain, float((gain * n).sum() / cells)),
            certain,
            float(self._louder[side, lag] / max(self._windows[side], 1e-3)),
        )


class _Side:
    """What is known of the leak into one channel; `own`: its party speaks, or nobody does."""

    def __init__(self, settings: LeakSettings) -> None:
        self._settings = settings
        self._lag: int | None = None
        self._gain: Levels = np.zeros(BANDS, np.float32)
        self._alike: _Alike | None = None
        self._judged = 0
        self._evidence = 1.0
        self.own = True

    def judge(self, view: _View, likeness: _Likeness) -> None:
        """A window in which the channel sounds."""
        settings = self._settings
        told: list[float | None] = []
        if self._lag is not None:
            told.append(self._exceeding(view, self._lag, self._gain))
        self._judged += 1
        if self._lag is None or self._judged % _LOOK_AGAIN == 0:
            self._alike = self._resembles(view, likeness)
        if self._alike is not None:
            told.append(self._exceeding(view, self._alike.lag, self._alike.gain))
        shares = [share for share in told if share is not None]
        if not shares:
            self._evidence, self.own = 1.0, True
            return
        evidence = self._evidence + settings.rise * (min(shares) - settings.own_bands)
        self._evidence = min(1.0, max(0.0, evidence))
        self.own = self._evidence > (settings.own_until if self.own else settings.own_at)

    def _resembles(self, view: _View, likeness: _Likeness) -> _Alike | None:
        """The leak that the last half second looks like, if it does; remembered if it must be."""
        settings = self._settings
        alike = likeness.best(view.side)
        beyond = alike.likeness - _needed(settings, alike)
        leaks = (
            beyond > 0 and alike.cells >= settings.cells and alike.louder_db > settings.louder_db
        )
        if leaks and beyond > settings.learn_alike:
            self._learn(alike, view.active)
        return alike if leaks else None

    def _learn(self, alike: _Alike, active: npt.NDArray[np.bool_]) -> None:
        if self._lag is None or abs(alike.lag - self._lag) > 1:
            self._gain = alike.gain
        else:
            heard = alike.certain & active
            rate = np.where(heard, self._settings.follow, self._settings.follow / 4)
            self._gain = self._gain + rate * (alike.gain - self._gain)
        self._lag = alike.lag

    def _exceeding(self, view: _View, lag: int, gain: Levels) -> float | None:
        """The share of the sounding bands that such a leak does not explain; None where the other
        party was silent then."""
        settings = self._settings
        first = max(0, lag - 1)
        fade = _FADE_DB[1 if lag == 0 else 0 :]
        held = (view.there[first : first + len(fade)] - fade).max(0)
        speaking = np.count_nonzero(held > view.there_noise + settings.above_noise_db)
        if speaking < settings.sounding:
            return None
        if loudness(view.here) > loudness(held + gain) + settings.margin_db:
            return 1.0
        explained = np.maximum(held + gain, view.noise + settings.above_noise_db)
        over = view.here - explained > settings.margin_db
        return int(np.count_nonzero(over)) / int(np.count_nonzero(view.active))


def _needed(settings: LeakSettings, alike: _Alike) -> float:
    """How alike two channels must be for a leak."""
    part = (alike.cells - settings.cells) / (settings.cells_later - settings.cells)
    part = min(1.0, max(0.0, part))
    needed = settings.alike_soon + part * (settings.alike_later - settings.alike_soon)
    return needed - (settings.faint_alike if alike.louder_db >= settings.faint_db else 0.0)
