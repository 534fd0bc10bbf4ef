"""A sherpa-onnx model folder: which kind of model its files are, and how it cuts up time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from monitor.asr.sherpa import metadata, symbols
from monitor.base.errors import UserError
from monitor.base.i18n import tr

TOKENS = "tokens.txt"
_HOP_MS = 10  # of sherpa-onnx's filterbank
_ASSUMED_MS = 40
"""What an output frame of a streaming model lasts to sherpa-onnx, whatever the model says
(a constant in its recognisers for CTC and for icefall's transducers)."""

_PARAFORMER_WINDOW, _PARAFORMER_SHIFT = 61, 60
"""Frames per run of streaming Paraformer: constants of sherpa-onnx."""

_ICEFALL = frozenset({"conformer", "ebranchformer", "lstm", "zipformer", "zipformer2"})


_BLANKS = frozenset({"<blk>", "<eps>", "<blank>"})


class Kind(StrEnum):
    """The families of models that are understood, named as in sherpa-onnx's `from_…`."""

    TRANSDUCER = "transducer"
    PARAFORMER = "paraformer"
    ZIPFORMER_CTC = "zipformer2_ctc"
    WENET_CTC = "wenet_ctc"
    NEMO_CTC = "nemo_ctc"
    OFFLINE_TRANSDUCER = "offline transducer"
    OFFLINE_PARAFORMER = "offline paraformer"
    OFFLINE_ZIPFORMER_CTC = "zipformer_ctc"
    OFFLINE_WENET_CTC = "offline wenet_ctc"
    OFFLINE_NEMO_CTC = "offline nemo_ctc"
    SENSE_VOICE = "sense_voice"
    TELESPEECH_CTC = "telespeech_ctc"


@dataclass(frozen=True, slots=True)
class Streaming:
    """How a streaming model takes its audio, in ms.

    A run looks at `window_ms` and moves on by `shift_ms`. Its times are to be
    stretched by `stretch` and lie `delay_ms` late (a model can say so by the
    metadata entry `emission_delay_ms`).
    """

    window_ms: int
    shift_ms: int
    stretch: float = 1.0
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Model:
    """A folder that has been looked through; `streaming` is None for whole utterances."""

    name: str
    kind: Kind
    files: Mapping[str, Path]  # role → file, roles as sherpa-onnx's arguments are called
    facts: Mapping[str, str]  # metadata of the first network
    streaming: Streaming | None

    def number(self, key: str) -> int:
        """An entry of the metadata that is a whole number.

        Raises:
            UserError: missing or something else.
        """
        return _number(self.facts, key, self.name)


_ZIPFORMER2 = (
    "encoder_dims",
    "query_head_dims",
    "value_head_dims",
    "num_heads",
    "num_encoder_layers",
    "cnn_module_kernels",
    "left_context_len",
)
# Entries without which sherpa-onnx ends the process; those of streaming cuts are read anyway.
_NEEDED: Mapping[Kind, tuple[str, ...]] = {
    Kind.PARAFORMER: (
        "vocab_size",
        "lfr_window_size",
        "lfr_window_shift",
        "encoder_output_size",
        "decoder_num_blocks",
        "decoder_kernel_size",
        "neg_mean",
        "inv_stddev",
    ),
    Kind.ZIPFORMER_CTC: _ZIPFORMER2,
    Kind.WENET_CTC: ("head", "num_blocks", "output_size", "cnn_module_kernel", "vocab_size"),
    Kind.NEMO_CTC: ("vocab_size", "cache_last_channel_dim1", "cache_last_time_dim1"),
    Kind.OFFLINE_WENET_CTC: ("vocab_size", "subsampling_factor"),
    Kind.OFFLINE_PARAFORMER: ("vocab_size", "lfr_window_size", "neg_mean", "inv_stddev"),
    Kind.SENSE_VOICE: ("vocab_size", "lfr_window_size", "normalize_samples"),
    Kind.OFFLINE_NEMO_CTC: ("vocab_size", "subsampling_factor"),
}


_ENCODERS: Mapping[str, tuple[str, ...]] = {
    "lstm": ("num_encoder_layers", "rnn_hidden_size", "d_model"),
    "zipformer2": _ZIPFORMER2,
}
_DECODER = ("vocab_size", "context_size")
"""What icefall's transducers need besides, by family of the encoder and in the decoder."""


def read(folder: Path, *, precise: bool = False) -> Model:
    """Look through a folder.

    Args:
        precise: take float weights where int8 ones are there too.

    Raises:
        UserError: files are missing or of no kind that is understood.
    """
    if not (folder / TOKENS).is_file():
        raise UserError(
            tr(
                f"{folder}：不是 sherpa-onnx 模型目录（缺少 {TOKENS}）",
                f"{folder}: not a sherpa-onnx model folder ({TOKENS} is missing)",
            )
        )
    files = _networks(folder, precise)
    facts = metadata.read(files.get("encoder") or files["model"])
    kind = _kind(folder, files, facts)
    _check_entries(folder.name, kind, files, facts)
    files["tokens"] = folder / TOKENS
    _check_symbols(files["tokens"], kind, facts)
    return Model(folder.name, kind, files, facts, _streaming(kind, facts, folder.name))


def _check_entries(
    name: str, kind: Kind, files: Mapping[str, Path], facts: Mapping[str, str]
) -> None:
    """Whether the networks carry what sherpa-onnx asks them for."""
    looked = [(name, facts, _NEEDED.get(kind, ()))]
    if kind is Kind.TRANSDUCER and facts["model_type"] in _ICEFALL:
        encoder = _ENCODERS.get(facts["model_type"], ())
        decoder = metadata.read(files["decoder"])
        looked = [(f"{name} encoder", facts, encoder), (f"{name} decoder", decoder, _DECODER)]
    for part, have, keys in looked:
        for key in keys:
            if key not in have:
                raise UserError(_lacks(part, key))


def _check_symbols(file: Path, kind: Kind, facts: Mapping[str, str]) -> None:
    """Whether there are as many symbols as outputs, and a blank where one is looked for."""
    listed = symbols.read(file)
    outputs = facts.get("vocab_size", "0")
    if outputs.isdigit() and len(listed) < int(outputs):
        raise UserError(
            tr(
                f"{file}：有 {len(listed)} 个符号，模型有 {outputs} 个输出；请用与模型配套的文件",
                f"{file}: {len(listed)} symbols for {outputs} outputs of the model; "
                "use the file that belongs to it",
            )
        )
    if kind.endswith("_ctc") and not _BLANKS & set(listed):
        names = ", ".join(sorted(_BLANKS))
        raise UserError(
            tr(f"{file}：缺少空白符（{names} 之一）", f"{file}: no blank (one of {names})")
        )


def _networks(folder: Path, precise: bool) -> dict[str, Path]:
    """The networks by role: encoder, decoder and joiner, or one model."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*.onnx")):
        role = next((r for r in ("encoder", "decoder", "joiner") if file.stem.startswith(r)), "")
        found.setdefault(role or "model", []).append(file)
    chosen = {}
    for role, files in found.items():
        # A transducer's decoder is so small that int8 saves nothing and costs accuracy.
        small = not precise and not (role == "decoder" and "joiner" in found)
        chosen[role] = min(
            files,
            key=lambda file: (
                (".int8" in file.name) != small,
                ".fp16" in file.name,
                "streaming" not in file.name,  # the same answers live and from a recording
                file.name,
            ),
        )
    if "encoder" in chosen and "decoder" in chosen:
        chosen.pop("model", None)
        return chosen
    if "model" in chosen:
        return {"model": chosen["model"]}
    raise UserError(
        tr(
            f"{folder}：没有模型（需要 encoder、decoder[、joiner] 的 .onnx，或一个 .onnx）",
            f"{folder}: no model in it (encoder, decoder[, joiner] as .onnx, or a single .onnx)",
        )
    )


def _kind(folder: Path, files: Mapping[str, Path], facts: Mapping[str, str]) -> Kind:
    family = facts.get("model_type", "")
    streams = "decode_chunk_len" in facts or "window_size" in facts
    found: Kind | None = None
    if "joiner" in files:
        if family in _ICEFALL or family.startswith("EncDec"):
            found = Kind.TRANSDUCER if streams else Kind.OFFLINE_TRANSDUCER
    elif "encoder" in files:
        if "lfr_window_size" in facts and "decoder_num_blocks" in facts:
            found = Kind.PARAFORMER
    elif family == "wenet_ctc":
        found = Kind.WENET_CTC if "num_blocks" in facts else Kind.OFFLINE_WENET_CTC
    elif family.startswith("EncDec"):
        found = Kind.NEMO_CTC if streams else Kind.OFFLINE_NEMO_CTC
    elif family.startswith("sense_voice") or "with_itn" in facts:
        found = Kind.SENSE_VOICE
    elif "lfr_window_size" in facts:
        found = Kind.OFFLINE_PARAFORMER
    elif family == "telespeech_ctc":
        found = Kind.TELESPEECH_CTC
    elif family.startswith("zipformer2"):
        found = Kind.ZIPFORMER_CTC if streams else Kind.OFFLINE_ZIPFORMER_CTC
    if found is None:
        raise UserError(
            tr(
                f"{folder}：认不出的 sherpa-onnx 模型（model_type 是 {family or '空'}）；支持流式 "
                "transducer、CTC、Paraformer 和整句的 SenseVoice、Paraformer、CTC",
                f"{folder}: a sherpa-onnx model of no kind that is understood (model_type is "
                f"{family or 'empty'}); there are transducers, CTC and Paraformer that stream, "
                "and SenseVoice, Paraformer and CTC for whole utterances",
            )
        )
    return found


def _streaming(kind: Kind, facts: Mapping[str, str], name: str) -> Streaming | None:
    match kind:
        case Kind.PARAFORMER:
            return Streaming(_PARAFORMER_WINDOW * _HOP_MS, _PARAFORMER_SHIFT * _HOP_MS)
        case Kind.WENET_CTC:
            thin = _number(facts, "subsampling_factor", name)
            chunk = _number(facts, "chunk_size", name)
            window = (chunk - 1) * thin + _number(facts, "right_context", name) + 1
            shift = chunk * thin
        case Kind.TRANSDUCER | Kind.ZIPFORMER_CTC if "decode_chunk_len" in facts:
            thin = int(facts.get("subsampling_factor", _ASSUMED_MS // _HOP_MS))
            window = _number(facts, "T", name)
            shift = _number(facts, "decode_chunk_len", name)
        case Kind.TRANSDUCER | Kind.NEMO_CTC:
            thin = _number(facts, "subsampling_factor", name)
            window = _number(facts, "window_size", name)
            shift = _number(facts, "chunk_shift", name)
        case _:
            return None
    # NeMo's transducers alone are timed by what the model says.
    told = kind is Kind.TRANSDUCER and "decode_chunk_len" not in facts
    return Streaming(
        window * _HOP_MS,
        shift * _HOP_MS,
        1.0 if told else thin * _HOP_MS / _ASSUMED_MS,
        int(facts.get("emission_delay_ms", 0)),
    )


def _number(facts: Mapping[str, str], key: str, name: str) -> int:
    try:
        return int(facts[key])
    except (KeyError, ValueError):
        raise UserError(_lacks(name, key)) from None


def _lacks(name: str, key: str) -> str:
    return tr(
        f"{name}：模型的元数据缺少 {key}，请用 sherpa-onnx 的导出脚本重新导出",
        f"{name}: the model's metadata lack {key}; export it again with sherpa-onnx's script",
    )
