"""Recognition servers on the premises that speak OpenAI's protocol: FunASR, vLLM, Qwen and others.

`--asr openai:http://host:8000,model=NAME` sends each turn of a recording to
`/v1/audio/transcriptions` and takes the words back with their times where the
server gives them. For recordings and second hearings: words come when a turn is
over. The key, if one is needed, comes from the environment and goes nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.asr.names import Wanted
    from monitor.asr.remote.recognizer import RemoteRecognizer


def load(url: str, wanted: Wanted) -> RemoteRecognizer:
    """A recogniser that asks a server; nothing is asked yet.

    Raises:
        UserError: not an address, an unknown option, or a call that is going on.
    """
    from monitor.asr.remote.client import Client
    from monitor.asr.remote.recognizer import RemoteRecognizer
    from monitor.asr.remote.settings import RemoteSettings

    settings = RemoteSettings.of(url, wanted)
    return RemoteRecognizer(Client(settings), settings.name)
