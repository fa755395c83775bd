"""`sql --open`: the program duckdb takes the place of hindlog, on the views as of an instant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.commands.views.interactive.duckdb_program import run_duckdb
from eventlog.clock import parse_us
from eventlog.errors import LocalResource, NotFound
from tests.cli.making import hindlog

ROOT = Path(__file__).parents[5]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `duckdb` on PATH that prints its arguments, and ends as a signal ends it."""
    program = tmp_path / "bin" / "duckdb"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nkill -INT $$\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_it_is_started_read_only_on_the_views_with_the_instant(shared: Path, program: Path) -> None:
    started: list[tuple[str, list[str]]] = []
    instant = parse_us("2026-11-01T00:30:00Z")
    run_duckdb(shared, instant, lambda path, arguments: started.append((path, arguments)))

    ((path, arguments),) = started
    assert path == str(program)
    assert arguments[:2] == ["duckdb", "-readonly"]
    assert arguments[-1] == str(shared.resolve() / "views" / "hindlog.duckdb")
    assert "SET VARIABLE as_of = '2026-11-01T00:30:00.000000Z';" in arguments


def test_without_an_instant_the_views_show_the_present(shared: Path, program: Path) -> None:
    started: list[str] = []
    run_duckdb(shared, None, lambda _path, arguments: started.extend(arguments))

    assert not [argument for argument in started if "as_of" in argument]


def test_a_signal_ends_the_program_and_the_shell_sees_its_end(shared: Path, program: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "-C", str(shared), "sql", "--open"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == -2, "by SIGINT itself, not by a message of hindlog"
    assert (done.stdout.split()[0], done.stderr) == ("-readonly", "")


def test_without_the_program_the_error_says_how_to_install_it(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(LocalResource, match="the program duckdb on your PATH") as error:
        run_duckdb(shared, None)
    assert "uv tool install duckdb-cli" in str(error.value.hint)


def test_without_views_it_is_not_started(tmp_path: Path, program: Path) -> None:
    with pytest.raises(NotFound, match="no views yet"):
        run_duckdb(tmp_path, None)


def test_it_excludes_a_query(shared: Path) -> None:
    done = hindlog("sql", "--open", "SELECT 1", at=shared)

    assert done.code == 2
    assert "--open excludes QUERY" in done.err
