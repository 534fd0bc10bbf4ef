"""Opening a store: where it lies, what is made of it, and what can be wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from monitor.base.errors import UserError
from monitor.store import Store, open_store
from monitor.store.migrate import head
from monitor.store.place import find
from monitor.store.problems import StoreError
from monitor.store.read import list_calls
from monitor.store.schema import Base
from monitor.store.tables import metadata
from monitor.testing import postgres


def line(error: pytest.ExceptionInfo[UserError]) -> str:
    text_ = str(error.value)
    assert "\n" not in text_
    return text_


def test_a_new_store_is_empty(store: Store) -> None:
    with store.reading() as session:
        assert list_calls(session).total == 0


def test_migrations_add_up_to_the_models(store: Store) -> None:
    models = metadata()
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                # The tables and indexes of full-text search are no models.
                "include_name": lambda name, _kind, _parents: (
                    not str(name).startswith("search_") or name == "search_terms"
                ),
            },
        )
        assert compare_metadata(context, models) == []


def test_tables_made_from_the_models_can_be_searched(tmp_path: Path, store: Store) -> None:
    """Other rooms' tests may make them so: nothing may depend on which way was taken."""
    made = inspect(store.engine)
    names = set(made.get_table_names())
    Base.metadata.drop_all(store.engine)
    with store.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS search_index"))
    Base.metadata.create_all(store.engine)
    again = inspect(store.engine)
    assert set(again.get_table_names()) == names
    if store.engine.dialect.name == "postgresql":
        indexes = {index["name"] for index in again.get_indexes("search_terms")}
        assert {"search_terms_text", "search_terms_sounds"} <= indexes


def test_opening_again_changes_nothing(store_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        with open_store(store_url, audio=tmp_path / "audio") as store:
            assert find(store.where).url == find(store_url).url
            with store.reading() as session:
                assert session.scalar(text("SELECT version_num FROM alembic_version")) == head()


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError), store.reading() as session:
        session.execute(text("DELETE FROM calls"))


@pytest.mark.parametrize(
    ("where", "file", "audio"),
    [
        ("a/b", "a/b/monitor.db", "a/b/audio"),
        ("a/calls.db", "a/calls.db", "a/calls.audio"),
        ("50% off/通话", "50% off/通话/monitor.db", "50% off/通话/audio"),
    ],
)
def test_where_files_lie(
    where: str, file: str, audio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = find(where)
    assert place.file == tmp_path / file
    assert place.audio == tmp_path / audio
    with open_store(where) as store:
        assert (tmp_path / file).is_file()
        assert store.url_shown == str(tmp_path / file)


def test_the_environment_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_STORE", str(tmp_path / "here"))
    monkeypatch.setenv("MONITOR_AUDIO", str(tmp_path / "sounds"))
    assert find().file == tmp_path / "here" / "monitor.db"
    assert find().audio == tmp_path / "sounds"
    monkeypatch.delenv("MONITOR_STORE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert find().file == tmp_path / "data" / "callmonitor" / "store" / "monitor.db"


def test_passwords_are_not_shown() -> None:
    place = find("postgres://kefu:geheim@db.example:5433/calls")
    assert place.shown == "postgresql://db.example:5433/calls"
    assert place.url == "postgresql+psycopg://kefu:geheim@db.example:5433/calls"


def test_other_databases_are_refused() -> None:
    with pytest.raises(UserError, match="mysql"):
        open_store("mysql://host/calls")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        open_store(f"postgresql://me:geheim@/calls?host={tmp_path}")
    assert "geheim" not in line(caught)


def test_a_database_that_is_not_there(postgresql: postgres.Server) -> None:
    with pytest.raises(StoreError, match="nowhere") as caught:
        open_store(postgresql.url("nowhere"))
    line(caught)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "calls.db").write_bytes(b"no database at all, but long enough to look" * 100)
    with pytest.raises(StoreError, match=r"calls\.db") as caught:
        open_store(tmp_path / "calls.db")
    line(caught)


def test_a_damaged_database(tmp_path: Path) -> None:
    with open_store(tmp_path / "calls.db"):
        pass
    whole = (tmp_path / "calls.db").read_bytes()
    (tmp_path / "calls.db").write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(StoreError, match=r"calls\.db") as caught:
        open_store(tmp_path / "calls.db")
    line(caught)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file") as caught:
        open_store(tmp_path / "file" / "store")
    line(caught)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere (root)")
    with pytest.raises(StoreError, match="locked") as caught:
        open_store(folder)
    line(caught)


def test_a_store_of_a_newer_program(store_url: str, tmp_path: Path) -> None:
    with open_store(store_url, audio=tmp_path) as store, store.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="9999") as caught:
        open_store(store_url, audio=tmp_path)
    line(caught)


def test_another_programs_tables_are_left_alone(tmp_path: Path) -> None:
    with open_store(tmp_path / "calls.db") as store, store.session() as session:
        session.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(StoreError, match=r"calls\.db"):
        open_store(tmp_path / "calls.db")


def test_programs_that_start_together_make_one_store(tmp_path: Path) -> None:
    code = "import sys; from monitor.store import open_store; open_store(sys.argv[1]).close()"
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    starting = [subprocess.Popen(command) for _ in range(3)]
    assert [program.wait(timeout=240) for program in starting] == [0, 0, 0]


def test_without_a_store_nothing_of_databases_is_loaded() -> None:
    code = (
        "import sys\n"
        "from monitor.call import batch, engine, live_files\n"
        "from monitor.cli import listen, score, calls\n"
        "import monitor.store, monitor.store.place\n"
        "print([m for m in ('sqlalchemy', 'alembic', 'psycopg') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240
    )
    assert done.stdout.strip() == "[]"
