"""A recogniser's model folder: what its `model.json` says about the network beside it.

The description is everything the streaming recogniser needs to know, so that
one piece of code runs any CTC model. Its fields are explained in
`docs/recogniser.md`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from monitor.asr.ctc import ngram
from monitor.asr.ctc.decode import DecodingSettings
from monitor.asr.ctc.ngram import Ngram
from monitor.base.errors import UserError
from monitor.base.i18n import tr

DESCRIPTION = "model.json"
DECODING = "decoding.json"

Vector = npt.NDArray[np.float32]

_DEFAULTS = DecodingSettings()
P = TypeVar("P", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Frontend(_Part):
    """Kaldi filterbank settings; `scale` takes samples in [-1, 1] to the model's range."""

    bins: int = Field(default=80, ge=1)
    frame_ms: int = Field(default=25, ge=1)
    hop_ms: int = Field(default=10, ge=1)
    window: Literal["hamming", "hanning", "povey", "rectangular", "blackman"] = "hamming"
    scale: float = Field(default=32768.0, gt=0)
    energy_floor: float = Field(default=0.0, ge=0)


class Stack(_Part):
    """Frames joined: `left` before and `right` after each, every `stride`-th kept."""

    left: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)
    stride: int = Field(default=1, ge=1)


class NormaliseFile(_Part):
    """Shift and rescale in a Kaldi nnet file (`am.mvn`)."""

    file: str


class NormaliseValues(_Part):
    """Shift and rescale written out, one number per model input value."""

    shift: tuple[float, ...]
    rescale: tuple[float, ...]


class ContextStreaming(_Part):
    """The graph keeps no state: it is run with context frames and the middle is kept."""

    mode: Literal["context"]
    left: int = Field(ge=0)
    right: int = Field(ge=0)


class CacheStreaming(_Part):
    """The graph takes and returns its state; output frame i tells of input frame i - delay."""

    mode: Literal["cache"]
    delay: int = Field(ge=0)


Streaming: TypeAlias = ContextStreaming | CacheStreaming


class Units(_Part):
    """What the outputs stand for: `file` lists one unit per line, `blank` is a line's index."""

    file: str
    kind: Literal["character", "syllable"]
    blank: int = Field(default=0, ge=0)


class Description(_Part):
    """The content of `model.json`."""

    name: str
    version: str = ""
    licence: str = ""
    file: str = "model.onnx"
    sample_rate: Literal[16000] = 16000
    frontend: Frontend = Frontend()
    stack: Stack = Stack()
    normalise: NormaliseFile | NormaliseValues | None = None
    streaming: Annotated[Streaming, Field(discriminator="mode")]
    input: str = "speech"
    output: str = "logp"
    flush_pad: Literal["repeat_last"] = "repeat_last"
    units: Units


class Decoding(_Part):
    """The content of the optional `decoding.json`: how posteriors become units.

    Apart from `model.json` because it is tuned after the network is trained.
    The keys are those of `monitor.asr.ctc.decode.DecodingSettings`; `ngram` names
    a file of `monitor.asr.ctc.ngram`, `words` one of `monitor.asr.ctc.vocabulary`. Files
    written before version 0.4 have older keys, which are still read.
    """

    ngram: str | None = None
    words: str | None = None
    blank_penalty: float = 0.0
    lm_weight: float = Field(
        default=0.0, ge=0, validation_alias=AliasChoices("lm_weight", "grammar_weight")
    )
    insertion_bonus: float = Field(
        default=0.0, validation_alias=AliasChoices("insertion_bonus", "unit_bonus")
    )
    beam: int = Field(default=_DEFAULTS.beam, ge=1)
    beam_threshold: float = Field(
        default=_DEFAULTS.beam_threshold,
        gt=0,
        validation_alias=AliasChoices("beam_threshold", "margin"),
    )
    patience: int = Field(default=_DEFAULTS.patience, ge=1)
    sure: float = Field(default=_DEFAULTS.sure, gt=0)


# The FSMN character model as its publisher packs it (Kaldi normalisation, no description).
_FSMN_FILES = ("am.mvn", "model.onnx", "tokens.txt")
_FSMN = Description(
    name="fsmn-charctc",
    licence="Apache-2.0",
    stack=Stack(left=2, right=2, stride=3),
    normalise=NormaliseFile(file="am.mvn"),
    streaming=ContextStreaming(mode="context", left=36, right=8),
    units=Units(file="tokens.txt", kind="character"),
)


class ModelFolder(BaseModel):
    """A folder whose description has been read and whose files have been found."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    path: Path
    description: Description
    units: tuple[str, ...]  # one per output of the network
    shift: Vector | None  # added to each model frame, then …
    rescale: Vector | None  # … multiplied
    decoding: DecodingSettings
    grammar: Ngram | None  # which unit follows which
    words: Path | None  # for the lexicon

    @property
    def network(self) -> Path:
        return self.path / self.description.file


def is_model_folder(path: Path) -> bool:
    """Whether `path` looks like a model folder at all."""
    return (path / DESCRIPTION).is_file() or all((path / name).is_file() for name in _FSMN_FILES)


def read(path: Path) -> ModelFolder:
    """Read and check a model folder.

    Raises:
        UserError: no description, a key or value that is not understood, or a
            missing or malformed file; the message names file and key.
    """
    description = _description(path)
    if not (path / description.file).is_file():
        raise UserError(_missing(path / DESCRIPTION, "file", description.file))
    if not (path / description.units.file).is_file():
        raise UserError(_missing(path / DESCRIPTION, "units.file", description.units.file))
    units = tuple((path / description.units.file).read_text(encoding="utf-8").splitlines())
    if description.units.blank >= len(units):
        raise UserError(
            tr(
                f"{path / DESCRIPTION}：units.blank 是 {description.units.blank}，"
                f"但 {description.units.file} 只有 {len(units)} 行",
                f"{path / DESCRIPTION}: units.blank is {description.units.blank}, "
                f"but {description.units.file} has only {len(units)} lines",
            )
        )
    shift, rescale = _normalisation(path, description)
    tuned = tuning(path)
    return ModelFolder(
        path=path,
        description=description,
        units=units,
        shift=shift,
        rescale=rescale,
        decoding=DecodingSettings(**tuned.model_dump(exclude={"ngram", "words"})),
        grammar=None if tuned.ngram is None else ngram.read(path / tuned.ngram, len(units)),
        words=None if tuned.words is None else path / tuned.words,
    )


def _description(path: Path) -> Description:
    file = path / DESCRIPTION
    if not file.is_file():
        if is_model_folder(path):
            return _FSMN
        raise UserError(
            tr(
                f"{path} 不是识别模型目录：缺少 {DESCRIPTION}",
                f"{path} is not a model folder: it has no {DESCRIPTION}",
            )
        )
    return _validated(Description, file)


def _validated(kind: type[P], file: Path) -> P:
    try:
        return kind.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise UserError(
            tr(
                f"{file}:{error.lineno}:{error.colno}：不是有效的 JSON（{error.msg}）",
                f"{file}:{error.lineno}:{error.colno}: not valid JSON ({error.msg})",
            )
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(tr(f"{file}：不是 UTF-8 文本", f"{file}: not UTF-8 text")) from error
    except ValidationError as error:
        raise UserError(_validation_line(file, error)) from error


def tuning(path: Path) -> Decoding:
    """The `decoding.json` of a folder; the defaults where there is none.

    Raises:
        UserError: a key or value that is not understood, or a file it names is missing.
    """
    file = path / DECODING
    if not file.is_file():
        return Decoding()
    found = _validated(Decoding, file)
    for key, name in (("ngram", found.ngram), ("words", found.words)):
        if name is not None and not (path / name).is_file():
            raise UserError(_missing(file, key, name))
    return found


def _validation_line(file: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(step) for step in first["loc"]) or "(top)"
    match first["type"]:
        case "extra_forbidden":
            return tr(
                f"{file}：不认识的键 {key}，请删除或改正", f"{file}: unknown key {key}; remove it"
            )
        case "missing":
            return tr(f"{file}：缺少键 {key}", f"{file}: key {key} is missing")
    return tr(
        f"{file}：键 {key} 的值 {first['input']!r} 不可用（{first['msg']}）",
        f"{file}: key {key} has an unusable value {first['input']!r} ({first['msg']})",
    )


def _missing(file: Path, key: str, name: str) -> str:
    return tr(
        f"{file}：{key} 指向的文件 {name} 不在 {file.parent} 中",
        f"{file}: {key} names {name}, which is not in {file.parent}",
    )


def _normalisation(
    path: Path, description: Description
) -> tuple[Vector, Vector] | tuple[None, None]:
    match description.normalise:
        case None:
            return None, None
        case NormaliseValues(shift=shift, rescale=rescale):
            vectors = np.array(shift, dtype=np.float32), np.array(rescale, dtype=np.float32)
        case NormaliseFile(file=name):
            if not (path / name).is_file():
                raise UserError(_missing(path / DESCRIPTION, "normalise.file", name))
            vectors = _read_mvn(path / name)
    stack = description.stack
    width = description.frontend.bins * (stack.left + 1 + stack.right)
    for key, vector in zip(("shift", "rescale"), vectors, strict=True):
        if len(vector) != width:
            raise UserError(
                tr(
                    f"{path}：normalise 的 {key} 有 {len(vector)} 个数，应为 {width} 个",
                    f"{path}: {key} of normalise has {len(vector)} numbers, {width} are needed",
                )
            )
    return vectors


def _read_mvn(file: Path) -> tuple[Vector, Vector]:
    """The `<AddShift>` and `<Rescale>` vectors of a Kaldi nnet text file."""

    def vector(section: str) -> Vector:
        _, _, rest = text.partition(section)
        numbers = rest.partition("[")[2].partition("]")[0]
        try:
            values = np.array(numbers.split(), dtype=np.float32)
        except ValueError:
            values = np.empty(0, dtype=np.float32)
        if not len(values):
            raise UserError(
                tr(f"{file}：没有可读的 {section} 向量", f"{file}: no readable {section} vector")
            )
        return values

    text = file.read_text(encoding="utf-8", errors="replace")
    return vector("<AddShift>"), vector("<Rescale>")
