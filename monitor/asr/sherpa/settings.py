"""What a user may choose of the sherpa engine: `sherpa:NAME,threads=2,provider=cuda`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.asr import names
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from monitor.asr.names import Wanted

_PROVIDERS = ("cpu", "cuda", "coreml")
_PRECISIONS = ("int8", "float")
_LANGUAGES = ("zh", "auto", "en", "yue", "ja", "ko")


@dataclass(frozen=True, slots=True)
class SherpaSettings:
    """How a model is run.

    `threads` per run of the network; `provider` of onnxruntime (`cuda` needs
    sherpa-onnx's own CUDA build); `precision`: which weights to take where a
    folder has both; `language` for models that can be told (SenseVoice).
    """

    threads: int = 1
    provider: str = "cpu"
    precision: str = "int8"
    language: str = "zh"

    @classmethod
    def of(cls, wanted: Wanted) -> SherpaSettings:
        """The settings that a recogniser was asked for with.

        Raises:
            UserError: an unknown option or value.
        """
        options = wanted.options
        names.refuse_unknown(options, ("threads", "provider", "precision", "language"), "sherpa")
        return cls(
            threads=names.number(options, "threads", cls().threads),
            provider=_one_of(options, "provider", _PROVIDERS),
            precision=_one_of(options, "precision", _PRECISIONS),
            language=_one_of(options, "language", _LANGUAGES),
        )


def _one_of(options: Mapping[str, str], key: str, values: tuple[str, ...]) -> str:
    """The option, or the first value where it is not given."""
    value = options.get(key, values[0])
    if value not in values:
        raise UserError(
            tr(
                f"选项 {key}={value}：可用 {'、'.join(values)}",
                f"option {key}={value}: use one of {', '.join(values)}",
            )
        )
    return value
