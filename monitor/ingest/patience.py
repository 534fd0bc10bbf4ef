"""How long the assembler waits for what a wire has not brought. All in ms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Times of one call.

    `reorder_ms`: how long a packet waits for those before it. `hole_ms`: how much later
    than its sample count says audio must come before time is taken to have passed without
    any; `confirm_ms`: how long it must stay so late, since what a network held up comes in
    one burst. `drift_ms`: how far a sender's clock may run ahead before silence is taken
    out. `stall_ms`: how far one party may fall behind the other before the call goes on
    without it. `idle_ms`: after so long without anything the call has broken off, and on
    hold after `hold_ms`. `linger_ms`: how long a call whose legs have all ended waits for
    another leg (a transfer, or parties that hang up one after the other).
    """

    reorder_ms: int = 100
    hole_ms: int = 250
    confirm_ms: int = 200
    drift_ms: int = 250
    stall_ms: int = 1_500
    idle_ms: int = 60_000
    hold_ms: int = 1_800_000
    linger_ms: int = 2_000
