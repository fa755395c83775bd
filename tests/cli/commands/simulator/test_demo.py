"""`demo`: replaces only an earlier demo, and shows each command with its real output."""

import os
import subprocess
from pathlib import Path

import pytest

from cli.commands.simulator.demo import (
    _closing_text,
    _create_archive,
    _environment,
    _output,
    _print_progress,
    _run_step,
)
from eventlog.errors import Invalid
from tests.cli.making import hindlog, replaced, stream


def test_a_demo_creates_an_archive_and_replaces_an_earlier_demo(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    root = _create_archive(place)
    (place / "old.txt").touch()

    assert _create_archive(place) == root == place.absolute()
    assert sorted(path.name for path in place.iterdir()) == [
        *(".made-by-hindlog-demo", "hindlog.toml", "log")
    ]
    assert hindlog("config", "check", at=root).code == 0


def test_a_demo_accepts_an_empty_folder_and_refuses_any_other(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    done = hindlog("demo", tmp_path / "mine")

    assert _create_archive(tmp_path / "empty").is_dir()
    assert (done.code, done.raw) == (2, b"")
    assert done.err.startswith(
        f"hindlog: {tmp_path}/mine: expected an empty folder or an earlier demo"
    )
    assert done.err.endswith("  hindlog demo ANOTHER-DIRECTORY\n")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


def test_a_demo_never_replaces_an_archive_of_the_user(archive: Path) -> None:
    before = sorted(archive.rglob("*"))
    with pytest.raises(Invalid, match="or an earlier demo, found other files"):
        _create_archive(archive)

    assert sorted(archive.rglob("*")) == before


@pytest.mark.parametrize("days", ["1", "31"])
def test_a_demo_has_2_to_30_days(tmp_path: Path, days: str) -> None:
    done = hindlog("demo", tmp_path / "demo", "--days", days)

    assert (done.code, done.raw) == (2, b"")
    assert not (tmp_path / "demo").exists()


def test_a_step_prints_its_command_before_its_output_and_a_failed_step_ends_the_demo(
    tmp_path: Path,
) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as out, replaced(stream(), out, stream()):
        stdout = os.dup(1)
        os.dup2(out.fileno(), 1)
        try:
            _run_step(tmp_path, "echo one && echo two >&2")
            with pytest.raises(RuntimeError, match=r"^exit 3: exit code 3$"):
                _run_step(tmp_path, "exit 3")
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)
    with os.fdopen(read) as shown:
        text = shown.read()

    assert text == "\n$ echo one && echo two >&2\none\ntwo\n\n$ exit 3\n"


def test_a_command_of_a_demo_runs_in_its_archive_without_the_variables_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDLOG_ARCHIVE", "/elsewhere")
    assert _output(tmp_path, "pwd") == f"{tmp_path}\n".encode()
    assert "HINDLOG_ARCHIVE" not in _environment(tmp_path)
    assert (
        _output(tmp_path, "command -v python")
        .decode()
        .startswith(_environment(tmp_path)["PATH"].split(os.pathsep)[0])
    )
    with pytest.raises(subprocess.CalledProcessError):
        _output(tmp_path, "false | cat")


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_of_the_crawl_is_one_line(terminal: bool) -> None:
    out = stream(is_terminal=terminal)
    with replaced(stream(), out, stream()):
        _print_progress(1, 2, 3, 4)
        _print_progress(2, 2, 6, 8)

    lines = [
        "1 of 2 syncs: 3 responses, 4 entities seen",
        "2 of 2 syncs: 6 responses, 8 entities seen",
    ]
    expected = "".join(f"\r{line}" for line in lines) if terminal else lines[1]
    assert out.buffer.getvalue().decode() == expected  # type: ignore[attr-defined]


def test_the_closing_text_names_the_folder_and_existing_commands() -> None:
    text = _closing_text(Path("x/demo"))

    assert "  cd x/demo\n" in text
    for line in text.splitlines():
        if line.startswith("  hindlog "):
            command = line.split("  ")[1].removeprefix("hindlog ").replace("-C data ", "").split()
            path = command[: 2 if command[0] in ("fetch", "view") else 1]
            assert hindlog(*path, "--help").code == 0
