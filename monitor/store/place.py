"""Where a store lies: from what a user writes to a database URL and the folders beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from monitor.base.errors import UserError
from monitor.base.i18n import tr
from monitor.base.user_folders import user_folder

DATABASE = "monitor.db"
_SQLITE = (".db", ".sqlite", ".sqlite3")
_DRIVER = "postgresql+psycopg"


@dataclass(frozen=True, slots=True)
class Place:
    """`url` is SQLAlchemy's, without a path for SQLite: the `file` says which, and is None for
    PostgreSQL. `shown` is fit for the user's eyes.

    `audio` holds the recordings; `locks`, for SQLite, one file per living writer.
    """

    url: str
    shown: str
    file: Path | None
    audio: Path
    locks: Path | None


def find(where: str | Path | None = None, audio: Path | None = None) -> Place:
    """The place that `where` names (see `monitor.store.open_store`).

    Raises:
        UserError: the URL of something that is not PostgreSQL or SQLite.
    """
    text = str(where or os.environ.get("MONITOR_STORE") or user_folder() / "store")
    if audio is None and os.environ.get("MONITOR_AUDIO"):
        audio = Path(os.environ["MONITOR_AUDIO"]).expanduser()
    if "://" in text and not text.startswith("sqlite:///"):
        return _server(text, audio)
    path = Path(text.removeprefix("sqlite:///")).expanduser().absolute()
    if path.suffix.lower() in _SQLITE and not path.is_dir():
        file, beside, locks = path, path.with_suffix(".audio"), path.with_suffix(".writers")
    else:
        file, beside, locks = path / DATABASE, path / "audio", path / "writers"
    return Place("sqlite", str(file), file, audio or beside, locks)


def _server(text: str, audio: Path | None) -> Place:
    parts = urlsplit(text)
    if parts.scheme not in ("postgresql", "postgres", _DRIVER):
        raise UserError(
            tr(
                f"{parts.scheme}://…：不支持这种数据库，请用文件夹、.db 文件"
                "或 postgresql://用户@主机/库名",
                f"{parts.scheme}://…: not a database we know; give a folder, a .db file or"
                " postgresql://user@host/name",
            )
        )
    shown = f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"
    url = f"{_DRIVER}://{text.partition('://')[2]}"
    return Place(url, shown, None, audio or user_folder() / "audio", None)
