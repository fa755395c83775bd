"""Damaged files of the views are named with the command that repairs them."""

import contextlib
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from eventlog.errors import Corrupt, Invalid, Locked
from projector.engine.duckdb_errors import find_damaged_file
from projector.query.open_views import open_views
from projector.query.select import run_query
from projector.query.view_info import list_views
from projector.update.check import check, damaged_parts
from projector.update.rebuild import rebuild_views
from projector.update.update import update
from tests.projector.projections import MODELS

NAMES = "SELECT id, name FROM openrouter.models ORDER BY id"
DAMAGES = {
    "junk": lambda data: b"this is no such file at all, whatever its name says",
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
}
SLOW = (pytest.mark.slow,)
damaged = pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES.keys())


def spoil(path: Path, how) -> None:
    path.write_bytes(how(path.read_bytes()))


EVERY = [
    pytest.param(view, how, id=f"{view}-{how}", marks=marks)
    for view, first in (("openrouter.models", ()), ("log.sightings", SLOW), ("log.events", SLOW))
    for how, marks in (("junk", SLOW), ("cut", first), ("empty", SLOW))
]


@pytest.mark.parametrize(("view", "how"), EVERY)
def test_a_damaged_part_is_named_and_a_rebuild_repairs_it(archive, view, how):
    part = next((archive / "views").rglob(f"openrouter/{view}/*/2*.parquet"))
    spoil(part, DAMAGES[how])

    for work in (
        lambda: list(run_query(archive, f"FROM {view}").rows),
        lambda: update(archive, definitions=MODELS),
    ):
        with pytest.raises(Corrupt) as error:
            work()
        assert str(part) in error.value.what
        assert error.value.hint == "hindlog view rebuild"
    for work in (
        lambda: check(archive, definitions=MODELS),
        lambda: list_views(archive, definitions=MODELS),
    ):
        with pytest.raises(Corrupt):
            work()
    assert [str(part) in damage.what for damage in damaged_parts(archive)] == [True]
    rebuild_views(archive, definitions=MODELS)
    assert list(run_query(archive, NAMES).rows) == [("a", "A2"), ("b", "B")]
    assert damaged_parts(archive) == []
    assert check(archive, definitions=MODELS) == []


def test_a_missing_part_is_named_and_an_update_builds_it(archive):
    part = next((archive / "views").rglob("openrouter.models/*/2*.parquet"))
    part.unlink()

    assert len(damaged_parts(archive)) == 1
    with pytest.raises(Corrupt, match=part.name):
        list(run_query(archive, NAMES).rows)
    update(archive, definitions=MODELS)
    assert list(run_query(archive, NAMES).rows) == [("a", "A2"), ("b", "B")]


@damaged
def test_a_damaged_views_file_is_named_and_an_update_repairs_it(archive, how):
    path = archive / "views" / "hindlog.duckdb"
    spoil(path, how)

    with pytest.raises(Corrupt) as error:
        run_query(archive, NAMES)
    assert str(path) in error.value.what
    assert error.value.hint == "hindlog view update"
    update(archive, definitions=MODELS)
    assert list(run_query(archive, NAMES).rows) == [("a", "A2"), ("b", "B")]


@pytest.mark.parametrize("name", ["a*", "wh?t", "[a]"])
def test_an_archive_in_a_folder_whose_name_is_a_glob_is_refused(tmp_path, name):
    (tmp_path / name / "log").mkdir(parents=True)

    with pytest.raises(Invalid, match="in the path of an archive") as error:
        update(tmp_path / name, definitions=MODELS)
    assert error.value.hint == "rename the folder"
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "init", str(tmp_path / f"new{name}")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, (tmp_path / f"new{name}").exists()) == (2, False)
    assert "in the path of an archive" in done.stderr


def test_a_query_spills_below_views_and_nowhere_else(archive, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with contextlib.closing(open_views(archive)) as views:
        views.execute("SET memory_limit = '60MB'; SET threads = 1")
        cursor = views.execute(
            "FROM (SELECT repeat(md5(range::VARCHAR), 4) AS t FROM range(400000)) ORDER BY t"
        )
        assert cursor.fetchone() is not None
        assert [path.name[:6] for path in (archive / "views").glob("spill-*")] == ["spill-"]

    assert list(elsewhere.iterdir()) == []
    assert list((archive / "views").glob("spill-*")) == []


def test_an_update_removes_what_a_killed_reader_spilled(archive):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = archive / "views" / f"spill-{gone.pid}"
    (left / "deep").mkdir(parents=True)
    update(archive, definitions=MODELS)

    assert not left.exists()


@pytest.mark.parametrize(
    ("cause", "holder"),
    [
        ("Conflicting lock is held in /usr/bin/duckdb (PID 712) by user a. See", "the process 712"),
        ("Conflicting lock is held in unknown. See", "another process"),
        ("Lock is already held in current process, likely another", "another process"),
    ],
)
def test_a_file_that_another_process_opened_for_writing_is_locked(cause: str, holder: str) -> None:
    text = f'IO Error: Could not set lock on file "/a/views/hindlog.duckdb": {cause}'
    error = find_damaged_file(duckdb.IOException(text))

    assert isinstance(error, Locked)
    assert error.what == f"/a/views/hindlog.duckdb: opened for writing by {holder}"
    assert "duckdb -readonly" in str(error.hint)
