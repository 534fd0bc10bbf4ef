"""Whisper's encoder with a CTC head of our own: an engine that cannot invent text.

Whisper's decoder is slow, writes what was not said and gives no posteriors.
Its encoder hears as well without it: a small head trained by this project
(`models/whisper-ctc`) turns its frames into posteriors of the same syllables
that the embedded network gives, so decoder, n-gram, spelling, spotting and
confidences (`monitor.asr.ctc`) work on them unchanged.

The encoder takes windows of any length, and short ones cost less per second
than long ones. A turn is a window; long turns, and live ones, are several.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.asr.names import Wanted
    from monitor.asr.whisper_ctc.recognizer import WhisperCtcRecognizer


def load(path: Path, wanted: Wanted) -> WhisperCtcRecognizer:
    """Load a head and the encoder that it was trained on.

    Raises:
        UserError: the folder holds no head, the encoder is not here or another
            one, or an option is unknown.
    """
    from threadpoolctl import threadpool_limits

    from monitor.asr import names
    from monitor.asr.whisper_ctc import head_folder
    from monitor.asr.whisper_ctc.encoder import Encoder
    from monitor.asr.whisper_ctc.head import Head
    from monitor.asr.whisper_ctc.recognizer import WhisperCtcRecognizer
    from monitor.asr.whisper_ctc.windows import LIVE, RECORDED

    # Small products on several threads mostly wait for each other: 16 ms instead of 3 for a
    # window of 5 s on a busy machine with two cores, and a batch has a process per core anyway.
    threadpool_limits(1, user_api="blas")
    names.refuse_unknown(wanted.options, ("threads",), "whisper-ctc")
    folder = head_folder.read(path)
    threads = names.number(wanted.options, "threads", 1)
    encoder = Encoder(head_folder.encoder(folder), threads)
    plan = LIVE if wanted.live else RECORDED
    return WhisperCtcRecognizer(folder, encoder, Head(folder), plan, wanted.phrases)
