"""Full-size models: which there are, getting them, and where they lie.

    find(name, engine)      the folder of a model, for the engines
    manifest.read()         the models that can be pulled
    pull, archive           bringing them here, from the network or on a USB stick
    receipt                 what arrived, and whether it is still so

Nothing here loads a model, and `find` imports nothing heavy: it is called with
every start.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from monitor.asr.models.places import SEARCH_PATH, search_path, store
from monitor.base import package_files
from monitor.base.errors import UserError
from monitor.base.i18n import tr

__all__ = ["EMBEDDED", "SEARCH_PATH", "find", "search_path", "store"]

EMBEDDED = "embedded"
"""The engine that reads our own model folders (`monitor.asr.ctc.model_folder`)."""


def find(name: str | Path, engine: str = EMBEDDED) -> Path:
    """The folder of a model given by path or by name.

    A name is looked up in each folder of `MONITOR_MODELS`, in the user's own
    folder (where `monitor models pull` puts models) and in the package, there
    as `NAME` and as `ENGINE/NAME`.

    Raises:
        UserError: not found; the message says where it was looked for and, for
            a model that can be pulled, how.
    """
    given = Path(name)
    if given.is_dir() and (len(given.parts) > 1 or isinstance(name, Path)):
        return given
    if isinstance(name, Path) or len(given.parts) != 1:
        raise UserError(
            tr(
                f"找不到识别模型目录 {given}，请检查 --asr 的路径",
                f"no model folder at {given}; check the path given to --asr",
            )
        )
    places = [*search_path(), package_files.models_dir()]
    for folder in _candidates(places, str(name), engine):
        if folder.is_dir():
            return folder
    if given.is_dir():
        return given
    joined = from_packages(str(name), engine)
    if joined is not None:
        return joined
    raise UserError(_not_found(str(name), engine, places))


def from_packages(name: str, engine: str) -> Path | None:
    """The folder of a model whose packages are installed, joined now; None where they are not.

    Raises:
        UserError: a package holds other contents, or no folder for models can be written.
    """
    from monitor.asr.models import manifest, wheels  # only for what is not here yet

    entry = manifest.read().get(name)
    source = None if entry is None or entry.engine != engine else wheels.source_of(entry)
    if entry is None or source is None or not wheels.installed(source):
        return None
    from monitor.asr.models import pull

    places = list(search_path())
    for place in places[:-1]:
        try:
            return pull.join_installed(entry, source, place)
        except UserError:  # a shared folder may be for reading only
            continue
    return pull.join_installed(entry, source, places[-1])


def obtainable(name: str, engine: str) -> bool:
    """Whether `find` has the model without a network: it is here, or its packages are."""
    places = [*search_path(), package_files.models_dir()]
    if any(folder.is_dir() for folder in _candidates(places, name, engine)):
        return True
    from monitor.asr.models import manifest, wheels

    entry = manifest.read().get(name)
    source = None if entry is None or entry.engine != engine else wheels.source_of(entry)
    return source is not None and wheels.installed(source)


def _candidates(places: list[Path], name: str, engine: str) -> Iterator[Path]:
    for place in places:
        # By engine first: two engines may each have a model of the same name.
        yield place / engine / name
        yield place / name


def _not_found(name: str, engine: str, places: list[Path]) -> str:
    from monitor.asr.models import manifest  # parsed only when something has to be explained

    known = manifest.read()
    entry = known.get(name)
    if entry is not None and entry.engine == engine:
        return tr(
            f"模型 {name} 尚未下载：请运行 monitor models pull {name}"
            f"（离线电脑：在能上网的电脑上 export，再到这里 import；或把它所在的目录加入 "
            f"{SEARCH_PATH}）",
            f"model {name} is not here yet: run monitor models pull {name} "
            f"(offline: export it where there is a network and import it here; or add the "
            f"folder that holds it to {SEARCH_PATH})",
        )
    if entry is not None:
        asr = name if entry.engine == EMBEDDED else f"{entry.engine}:{name}"
        return tr(
            f"模型 {name} 属于引擎 {entry.engine}：请用 --asr {asr}",
            f"model {name} belongs to the engine {entry.engine}: use --asr {asr}",
        )
    looked = os.pathsep.join(str(place) for place in places)
    names = [other.name for other in known.models if other.engine == engine]
    listed_zh = f"可下载的有：{'、'.join(names)}；" if names else ""
    listed_en = f"those that can be pulled: {', '.join(names)}; " if names else ""
    return tr(
        f"找不到识别模型 {name}（找过：{looked}）；{listed_zh}"
        f"也可给出模型目录的路径，或把它所在的目录加入 {SEARCH_PATH}",
        f"no recogniser called {name} (looked in: {looked}); {listed_en}"
        f"give the path of a model folder, or add the folder that holds it to {SEARCH_PATH}",
    )
