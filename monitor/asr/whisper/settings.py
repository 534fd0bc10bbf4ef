"""How the Whisper engine runs: one value, read once from what was asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.asr import names
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from monitor.asr.names import Wanted

_OPTIONS = ("batch", "beam", "compute", "device", "hotwords", "pack", "step", "threads")
_DEVICES = ("auto", "cpu", "cuda")
_LIVE_THREADS = 4  # more gain little: a decoder works through its tokens one by one


@dataclass(frozen=True, slots=True)
class WhisperSettings:
    """Settings of one loaded model.

    `device` is auto, cpu or cuda, `compute` CTranslate2's arithmetic (auto: int8 on
    a CPU, float16 on a GPU). `beam` is the width of the search, 1 the likeliest
    token each time. `batch`: windows of a recording decoded at once (0: each turn
    by itself, when the flow comes to it); `pack`: short turns share windows.
    `step_ms`: audio between two hypotheses of a live call. `window_ms` bounds what
    is decoded at once; of a full one `keep_ms` are kept for context, and words of
    its last `tail_ms` wait for the next. `temperatures`: what is tried in turn
    while a hypothesis looks wrong; 0 is the search without chance.
    """

    live: bool = False
    device: str = "auto"
    compute: str = "auto"
    threads: int = 1
    beam: int = 1
    batch: int = 4
    pack: bool = False
    step_ms: int = 1_000
    window_ms: int = 28_000
    keep_ms: int = 3_000
    tail_ms: int = 2_000
    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6)
    hotwords: tuple[str, ...] = ()

    @classmethod
    def of(cls, wanted: Wanted) -> WhisperSettings:
        """The settings for this purpose and these options.

        Raises:
            UserError: an unknown option or an unusable value.
        """
        options, live = wanted.options, wanted.live
        names.refuse_unknown(options, _OPTIONS, "faster-whisper")
        device = options.get("device", "auto")
        if device not in _DEVICES:
            raise UserError(
                tr(
                    f"选项 device={device}：可用 {'、'.join(_DEVICES)}",
                    f"option device={device}: one of {', '.join(_DEVICES)} is needed",
                )
            )
        # A batch has a process per core; a live call has the machine to itself.
        threads = min(_LIVE_THREADS, os.cpu_count() or 1) if live else 1
        return cls(
            live=live,
            device=device,
            compute=options.get("compute", "auto"),
            threads=names.number(options, "threads", threads),
            beam=names.number(options, "beam", 1),
            batch=names.number(options, "batch", 4, least=0),
            pack=names.switch(options, "pack"),
            step_ms=names.number(options, "step", 1_000, least=100),
            window_ms=20_000 if live else 28_000,
            # Sampling differs from run to run; live, the next hypothesis is the second chance.
            temperatures=(0.0,) if live else (0.0, 0.2, 0.4, 0.6),
            hotwords=wanted.hotwords if names.switch(options, "hotwords") else (),
        )
