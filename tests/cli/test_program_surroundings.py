"""Commands in surroundings that are not as expected: paths, working directory, ranges, locks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import orjson
import pytest

from cli.program import run
from tests.cli.making import copy_archive, hindlog, replaced, stream

NOT_UTF8 = os.fsdecode(b"a\xff")


def exit_error(err: str) -> tuple[object, object]:
    """Returns type and code of the last line of stderr, which contains only JSON."""
    (*_, last) = map(orjson.loads, err.splitlines())
    return last["message_type"], last["code"]


@pytest.mark.parametrize("words", [("diff", "openrouter/model/x/a", "@1", "--exit-code"), ()])
def test_every_code_but_0_ends_stderr_with_an_exit_error(
    shared: Path, words: tuple[str, ...]
) -> None:
    done = hindlog("--log-format", "json", *words, at=shared)

    assert done.code != 0
    assert exit_error(done.err) == ("exit_error", done.code)


def test_a_command_that_returns_a_code_ends_stderr_with_an_exit_error(shared: Path) -> None:
    words = ("diff", "openrouter/model/x/a", "2026-11-01T00:30", "2026-11-01T01:30", "--exit-code")
    done = hindlog(*words, "--log-format=json", at=shared)

    assert done.code == 4
    assert exit_error(done.err) == ("exit_error", 4)
    assert "exit_error" not in hindlog(*words, at=shared).err


@pytest.mark.parametrize(("words", "code"), [(("gaps",), 10), (("gaps", "--nosuch"), 2)])
def test_an_error_keeps_its_code_if_nobody_reads_stderr(
    words: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    with unread_pipe() as err, replaced(stream(), stream(), err):
        assert run(["-C", str(tmp_path), *words]) == code


def test_a_closed_pipe_that_is_not_stdout_is_not_a_success(shared: Path) -> None:
    with unread_pipe() as err, replaced(stream(), stream(), err):
        assert run(["-C", str(shared), "gaps", "--since", "2026-11-01"]) == 1


@contextmanager
def unread_pipe() -> Iterator[TextIO]:
    """A pipe that nobody reads; what a command wrote to it is discarded at the end."""
    read, write = os.pipe()
    os.close(read)
    text = os.fdopen(write, "w")
    yield text
    os.dup2(os.open(os.devnull, os.O_WRONLY), write)
    text.close()


@pytest.fixture
def deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The working directory does not exist any more."""
    folder = tmp_path / "deleted"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    yield
    os.chdir("/")


@pytest.mark.usefixtures("deleted")
def test_a_deleted_working_directory_does_not_matter_if_the_archive_is_named(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = ("sql", "SELECT count(*) AS n FROM openrouter.models", "--json")
    named = hindlog(*query, at=shared)
    without = hindlog("log")
    monkeypatch.setenv("HINDLOG_ARCHIVE", str(shared))

    assert named.code == 0
    assert hindlog(*query).raw == named.raw
    assert without.code == 8
    assert without.err.startswith("hindlog: the working directory was deleted\n  cd to ")


def test_a_path_that_is_not_utf8_is_refused_for_the_views_and_works_for_the_log(
    shared: Path, tmp_path: Path
) -> None:
    root = copy_archive(shared, tmp_path / NOT_UTF8)
    printed = hindlog("log", at=root)
    refused = [hindlog("view", "update", at=root), hindlog("sql", "SELECT 1", at=root)]

    assert (printed.code, printed.raw) == (0, hindlog("log", at=shared).raw)
    for done in refused:
        assert (done.code, done.raw) == (2, b"")
        assert "expected UTF-8 in the path of an archive" in done.err


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_rows_are_written_to_a_file_whose_name_is_not_utf8(
    shared: Path, tmp_path: Path, suffix: str
) -> None:
    file = tmp_path / f"{NOT_UTF8}.{suffix}"
    done = hindlog("sql", "SELECT id FROM openrouter.models", "-o", file, at=shared)

    assert (done.code, file.stat().st_size > 0) == (0, True)


@pytest.mark.parametrize(
    "words",
    [("sql", "--file"), ("view", "diff", "openrouter.models", "--definition")],
)
def test_a_file_of_sql_that_is_not_utf8_is_refused_with_the_first_such_byte(
    shared: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "q.sql"
    file.write_bytes(b"SELECT '\xff'")
    done = hindlog(*words, file, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert f"{file}: expected SQL in UTF-8, found byte 0xff at offset 8" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("init", "file/x"),
        ("demo", "file"),
        ("demo", "file/x"),
        ("export", "openrouter.models", "--to", "file/x"),
        ("view", "rebuild", "openrouter.models", "--to", "file/x.parquet"),
        ("log", "-o", "x" * 300),
    ],
)
def test_a_path_through_a_file_and_a_name_that_is_too_long_are_no_bugs(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    done = hindlog(*words, at=archive)

    assert done.code in (2, 8)
    assert "bug" not in done.err
    assert words[-1].split("/")[0] in done.err


@pytest.mark.slow
def test_an_archive_with_a_backslash_in_its_path_works(shared: Path, tmp_path: Path) -> None:
    root = copy_archive(shared, tmp_path / "a\\b" / "c")
    table = ("sql", "FROM openrouter.models ORDER BY id", "--json")
    changes = ("changes", "--since", "2026-11-01")
    for number, command in enumerate((table, changes, ("log",))):
        before, done = hindlog(*command, at=shared), hindlog(*command, at=root)
        assert (number, done.code, done.raw) == (number, 0, before.raw)
    to = tmp_path / "to\\x"

    assert hindlog("view", "rebuild", "openrouter.models", "civitai.models", at=root).code == 0
    assert hindlog("view", "update", "openrouter.models", at=root).code == 0
    assert hindlog(*table, at=root).raw == hindlog(*table, at=shared).raw
    assert hindlog("view", "check", "openrouter.models", at=root).code == 0
    assert hindlog("doctor", at=root).code == 0
    export = ("export", "openrouter.models", "--to")
    assert hindlog(*export, to, at=root).code == 0
    assert (to / "openrouter/models.parquet").exists()
    assert hindlog(*export, tmp_path / "x", "--partition", "id", at=root).code == 0
    refused = hindlog(*export, to, "--partition", "id", at=root)
    assert (refused.code, "expected no \\ in the path of an export" in refused.err) == (2, True)
    database = tmp_path / "m\\x.duckdb"
    assert hindlog("view", "rebuild", "openrouter.models", "--to", database, at=root).code == 0
    assert database.stat().st_size > 0


@pytest.mark.parametrize(
    "words",
    [
        ("sql", f"SELECT '{NOT_UTF8}'"),
        ("sql", "SELECT $a", "--param", f"a={NOT_UTF8}"),
        ("export", "openrouter.models", "--to", NOT_UTF8),
        ("fetch", "add", f"https://civitai.com/api/v1/models?tag={NOT_UTF8}"),
        ("fetch", "add", "civitai", "models", "--param", f"tag={NOT_UTF8}"),
        ("fetch", "add", "civitai", "images-of-user", NOT_UTF8),
        ("show", f"openrouter/model/{NOT_UTF8}"),
    ],
)
def test_text_that_is_not_utf8_is_refused_without_a_traceback(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hindlog(*words, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert "UTF-8" in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("log", "--since", "2999-01-01"),
        ("log", "--since", "2026-11-01T02", "--until", "2026-11-01T02"),
        ("changes", "--since", "2026-11-01T02", "--until", "2026-11-01T01"),
        ("gaps", "--since", "2999-01-01"),
        ("verify", "--since", "2999-01-01"),
        ("tail", "--from", "2999-01-01"),
        ("fetch", "replay", "--since", "2999-01-01"),
        ("fetch", "replay", "--since", "2026-11-01T02", "--until", "2026-11-01T01"),
        ("log", "--until", "1970-01-01"),
        ("changes", "--since", "1960-01-01", "--until", "1961-01-01"),
    ],
)
def test_a_range_that_nothing_can_match_is_refused(shared: Path, words: tuple[str, ...]) -> None:
    done = hindlog(*words, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert "nothing can match" in done.err or "the range is empty" in done.err


@pytest.mark.parametrize("name", ["x" * 250, "folder"])
def test_a_cursor_file_that_cannot_be_written_is_an_error_before_the_first_line(
    shared: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    done = hindlog("tail", "--cursor-file", tmp_path / name, at=shared)

    assert done.code != 0
    assert done.raw == b""
    assert name in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_views_that_another_process_opened_for_writing_are_locked(
    shared: Path, tmp_path: Path
) -> None:
    root = copy_archive(shared, tmp_path / "archive")
    views = root / "views" / "hindlog.duckdb"
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(views)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as analyst:
        assert analyst.stdout is not None
        analyst.stdout.readline()
        done = hindlog("sql", "SELECT 1", at=root)
        analyst.communicate(b"\n")

    assert (done.code, done.raw) == (11, b"")
    assert f"{views}: opened for writing by the process {analyst.pid}" in done.err
    assert "-readonly" in done.err
    assert hindlog("sql", "SELECT 1", at=root).code == 0
