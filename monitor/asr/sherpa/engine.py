"""sherpa-onnx itself: is it here, and a recogniser of its own for a model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from monitor.asr.sherpa.layout import Kind
from monitor.base.errors import UserError
from monitor.base.i18n import tr

if TYPE_CHECKING:
    from monitor.asr.sherpa.layout import Model
    from monitor.asr.sherpa.settings import SherpaSettings


def require() -> Any:
    """The package `sherpa_onnx`.

    Raises:
        UserError: it is not installed, or does not run here.
    """
    try:
        import sherpa_onnx
    except ModuleNotFoundError as error:
        raise UserError(
            tr(
                "引擎 sherpa 需要 sherpa-onnx，请安装：pip install 'callmonitor[sherpa]'",
                "the engine sherpa needs sherpa-onnx: pip install 'callmonitor[sherpa]'",
            )
        ) from error
    except ImportError as error:
        raise UserError(
            tr(
                f"sherpa-onnx 在这台电脑上无法载入（{error}）",
                f"sherpa-onnx cannot be loaded on this machine ({error})",
            )
        ) from error
    return sherpa_onnx


_BUILDERS: Mapping[Kind, tuple[str, str]] = MappingProxyType(
    {
        Kind.TRANSDUCER: ("OnlineRecognizer", "from_transducer"),
        Kind.PARAFORMER: ("OnlineRecognizer", "from_paraformer"),
        Kind.ZIPFORMER_CTC: ("OnlineRecognizer", "from_zipformer2_ctc"),
        Kind.WENET_CTC: ("OnlineRecognizer", "from_wenet_ctc"),
        Kind.NEMO_CTC: ("OnlineRecognizer", "from_nemo_ctc"),
        Kind.OFFLINE_TRANSDUCER: ("OfflineRecognizer", "from_transducer"),
        Kind.OFFLINE_PARAFORMER: ("OfflineRecognizer", "from_paraformer"),
        Kind.OFFLINE_ZIPFORMER_CTC: ("OfflineRecognizer", "from_zipformer_ctc"),
        Kind.OFFLINE_WENET_CTC: ("OfflineRecognizer", "from_wenet_ctc"),
        Kind.OFFLINE_NEMO_CTC: ("OfflineRecognizer", "from_nemo_ctc"),
        Kind.SENSE_VOICE: ("OfflineRecognizer", "from_sense_voice"),
        Kind.TELESPEECH_CTC: ("OfflineRecognizer", "from_telespeech_ctc"),
    }
)


def build(model: Model, settings: SherpaSettings) -> Any:
    """sherpa-onnx's recogniser of a model, greedy and without endpointing.

    Raises:
        UserError: onnxruntime refuses the network.
    """
    kind, method = _BUILDERS[model.kind]
    files = {role: str(file) for role, file in model.files.items()}
    if model.kind is Kind.OFFLINE_PARAFORMER:
        files["paraformer"] = files.pop("model")
    try:
        return getattr(getattr(require(), kind), method)(
            **files,
            **_extras(model, settings),
            num_threads=settings.threads,
            provider=settings.provider,
            decoding_method="greedy_search",
        )
    except (RuntimeError, ValueError) as error:  # what comes through from C++
        reason = str(error).partition("\n")[0]
        raise UserError(
            tr(
                f"{model.name}：sherpa-onnx 无法载入（{reason}）",
                f"{model.name}: sherpa-onnx cannot load it ({reason})",
            )
        ) from error


def _extras(model: Model, settings: SherpaSettings) -> dict[str, Any]:
    """What only some kinds are told."""
    match model.kind:
        case Kind.WENET_CTC:  # sherpa-onnx does not read these from the model
            chunk, left = model.number("chunk_size"), model.number("left_chunks")
            return {"chunk_size": chunk, "num_left_chunks": left}
        case Kind.SENSE_VOICE:  # numbers as they are said: rules match what is said
            return {"language": settings.language, "use_itn": False}
        case Kind.OFFLINE_TRANSDUCER if model.facts["model_type"].startswith("EncDec"):
            return {"model_type": "nemo_transducer"}
    return {}
