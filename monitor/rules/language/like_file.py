"""Families of sentences in files of their own: found beside a pack, then among the shipped ones."""

from __future__ import annotations

from pathlib import Path

from monitor.base import package_files
from monitor.base.i18n import tr
from monitor.rules.language.like import LikeFamily
from monitor.rules.language.problems import PackErrors
from monitor.rules.language.yaml_source import read, validate


def find_family(name: str, beside: Path | None) -> Path | None:
    """The file of a family: `like/NAME.yaml` beside the pack, then among the shipped ones."""
    folders = [beside.parent] if beside else []
    candidates = [folder / "like" / f"{name}.yaml" for folder in (*folders, _shipped())]
    return next((file for file in candidates if file.is_file()), None)


def family_names(beside: Path | None) -> list[str]:
    """The families that a pack may name."""
    folders = [*([beside.parent] if beside else []), _shipped()]
    return sorted({file.stem for folder in folders for file in (folder / "like").glob("*.yaml")})


def _shipped() -> Path:
    return package_files.rules_dir()


_read: dict[tuple[Path, int, int], LikeFamily] = {}


def read_family(file: Path) -> LikeFamily:
    """A family; read once for each state of its file.

    Raises:
        PackErrors: every mistake as `file:line:column: what to do`.
    """
    state = file.stat()
    key = (file.resolve(), state.st_mtime_ns, state.st_size)
    if key not in _read:
        _read[key] = _quickly(file) or validate(read(file), kind=LikeFamily)
    return _read[key]


def _quickly(file: Path) -> LikeFamily | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe").load(file.read_text(encoding="utf-8-sig"))
        return LikeFamily.model_validate(found)
    except (OSError, YAMLError, ValueError):
        return None


def read_families(folder: Path) -> list[LikeFamily]:
    """All families of a folder, by name of the file."""
    found: list[LikeFamily] = []
    for file in sorted(folder.glob("*.yaml")):
        family = read_family(file)
        if family.family != file.stem:
            message = tr(
                f"family 应与文件名相同：{file.stem}",
                f"family must be the file's name: {file.stem}",
            )
            raise PackErrors([read(file).place(("family",)).problem(message)])
        found.append(family)
    return found
