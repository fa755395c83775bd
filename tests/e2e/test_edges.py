"""Edge cases: bytes that are not text, missing folders, full disks, read-only archives."""

import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.config.load import default_toml
from tests.cli.making import hindlog as hindlog_here
from tests.e2e.conftest import environment, hindlog

LISTING = {"data": [{"id": "a/b", "name": "B"}]}


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("sql", "SELECT 1", "-o", "no/such/x.csv"), b"", "the folder no/such does not exist"),
        (("log", "-o", "no/such/x.ndjson"), b"", "the folder no/such does not exist"),
        (("sql", "-f", "folder"), b"", "is a directory"),
        (("sql", "-f", "binary"), b"", "binary: expected SQL in UTF-8, found byte 0xff"),
        (("sql",), b"SELECT '\xff'", "stdin: expected SQL in UTF-8, found byte 0xff"),
        (("sql", "--timeout", "0", "SELECT 1"), b"", "above 0"),
        (("sql", "--timeout", "-1", "SELECT 1"), b"", "above 0"),
        (("sql", "--timeout", "nan", "SELECT 1"), b"", "above 0"),
        (("sql", "COPY (SELECT 1) TO 'x'"), b"", "hindlog export"),
        (("tail", "-n", "-5"), b"", "-5"),
        (("tail", "--cursor-file", "no/such/cursor"), b"", "the folder no/such does not exist"),
        (("tail", "--cursor-file", "folder"), b"", "is a directory"),
        (("tail", "--cursor-file", "binary"), b"", "binary: cursor"),
        (("tail", "--cursor-file", "empty"), b"", "empty: cursor ''"),
        (("segment", "list", "--source", "nosuch"), b"", "expected one of civitai, openrouter"),
        (("show", "openrouter/model/\udcff"), b"", "in UTF-8"),
        (("log", "-F", "csv"), b"", "hindlog sql"),
        (("completion",), b"", "expected a shell: bash, zsh, fish"),
        (("fetch", "probe", "https://nowhere.example"), b"", "hindlog fetch probe --help"),
        (("fetch", "import", "nosuch", "binary"), b"", "hindlog fetch import --help"),
        (("fetch", "add", "openrouter", "nosuch"), b"", "its listings: models"),
    ],
)
def test_an_invalid_argument_or_file_is_named_in_the_error(
    crawled: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    stdin: bytes,
    message: str,
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)

    done = hindlog_here(*arguments, at=crawled, stdin=stdin)

    assert (done.code, done.raw) == (2, b"")
    assert message in done.err
    assert "Traceback" not in done.err
    assert "\\t" not in done.err


def test_an_unknown_entity_is_named_once_with_another_command_as_hint(crawled: Path) -> None:
    for command in ("show", "history"):
        done = hindlog_here(command, "openrouter/model/no/such", at=crawled)

        assert done.code == 6
        assert done.err.count("openrouter/model/no/such") == 1
        assert f"hindlog {command}" not in done.err


def test_events_are_written_to_a_file_unmodified(crawled: Path, tmp_path: Path) -> None:
    piped = hindlog_here("log", "-n", "20", at=crawled).out

    assert hindlog_here("log", "-n", "20", "-o", str(tmp_path / "e.ndjson"), at=crawled).out == ""
    assert hindlog_here("log", "-n", "20", "-o", str(tmp_path / "e.json"), at=crawled).out == ""
    readable = hindlog_here("log", "-n", "20", "-F", "table", at=crawled).out

    assert (tmp_path / "e.ndjson").read_text() == piped
    array = json.loads((tmp_path / "e.json").read_text())
    assert array == [json.loads(line) for line in piped.splitlines()]
    assert len(readable.splitlines()) == 20
    assert "{" not in readable


def test_the_resolved_instants_are_printed_on_stderr(crawled: Path) -> None:
    for command in ("log", "gaps", "changes", "verify"):
        done = hindlog_here(command, "--since", "2026-11-01 13:05", at=crawled)

        assert "since 2026-11-01T13:05:00Z" in done.err.splitlines()
    done = hindlog_here("log", "--until", "2026-11", at=crawled)
    assert done.err == "until 2026-11-01T00:00:00Z\n"


def test_an_existing_cursor_file_takes_precedence_over_from_with_a_message(
    archive: Path, tmp_path: Path
) -> None:
    arguments = ("tail", "--from", "beginning", "--cursor-file", str(tmp_path / "c"))
    first = hindlog_here(*arguments, "--count", "30", at=archive)
    second = hindlog_here(*arguments, at=archive)

    assert first.err == ""
    assert "continuing from the cursor in" in second.err
    assert not set(first.out.splitlines()) & set(second.out.splitlines())


def test_after_the_reader_closes_the_pipe_the_next_tail_prints_the_remaining_events(
    archive: Path, tmp_path: Path
) -> None:
    cursor = tmp_path / "c"
    tail = f"{sys.executable} -m cli.main tail --from beginning --cursor-file {cursor}"
    command = ["bash", "-o", "pipefail", "-c", f"{tail} | head -n 700 > /dev/null"]

    assert subprocess.run(command, cwd=archive, env=environment(), check=False).returncode == 0

    everything = hindlog("tail", "--from", "beginning", cwd=archive).stdout.splitlines()
    remaining = hindlog("tail", "--cursor-file", str(cursor), cwd=archive).stdout.splitlines()
    assert 0 < len(remaining) < len(everything)


def test_messages_and_errors_are_json_with_that_log_format(crawled: Path) -> None:
    done = hindlog_here("--log-format", "json", "sql", "--as-of", "1h", "SELEC", at=crawled)

    lines = [json.loads(line) for line in done.err.splitlines()]
    assert [line["message_type"] for line in lines] == ["message", "exit_error"]
    assert lines[0]["message"].startswith("as of ")
    assert lines[1]["code"] == done.code == 2


def test_responses_without_a_time_are_named_and_the_others_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml())
    recordings = tmp_path / "given"
    recordings.mkdir()
    for name in (b"one.json", b"2026-01-01.json", b"two.json", b"2026-01-02\xff.json"):
        Path(os.fsdecode(os.fsencode(recordings) + b"/" + name)).write_text(json.dumps(LISTING))

    arguments = ("fetch", "import", "openrouter", "--endpoint", "/api/v1/models")
    mixed = hindlog_here(*arguments, "given", at=tmp_path)
    untimed = hindlog_here(*arguments, "given/one.json", at=tmp_path)
    replayed = hindlog_here("fetch", "replay", "openrouter", at=tmp_path)

    assert mixed.code == 3, mixed.err
    assert "given/one.json: no time" in mixed.err
    assert "given/two.json: no time" in mixed.err
    assert "2 of 2 responses" in mixed.err
    assert len(hindlog_here("log", "--kind", "page", at=tmp_path).out.splitlines()) == 2
    assert untimed.code == 2
    assert "--observed-at" in untimed.err
    assert "openrouter: no quarantined body can be split" in replayed.err


def test_a_moved_archive_gives_the_same_results(archive: Path, tmp_path: Path) -> None:
    query = "SELECT * FROM openrouter.models_changes ORDER BY ALL LIMIT 5"
    before = hindlog_here("sql", query, at=archive).out

    moved = Path(shutil.move(archive, tmp_path / "moved"))

    assert hindlog_here("sql", query, at=moved).out == before
    assert hindlog_here("status", "--json", at=moved).code == 0


def test_status_shows_runs_errors_and_events_per_hour(crawled: Path) -> None:
    for source in json.loads(hindlog_here("status", "--json", at=crawled).out)["sources"]:
        assert source["last_run_state"].endswith(": completed")
        assert source["errors_24h"] == 0
        # of the hours for which there is data
        assert source["events_per_hour"] >= round(source["events_24h"] / 24, 1) > 0


@pytest.fixture
def read_only(archive: Path) -> Iterator[Path]:
    """A copy of the archive in which no file and no folder is writable."""
    for path in (archive, *archive.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield archive
    for path in (archive, *archive.rglob("*")):
        path.chmod(0o755)


def obey_permissions() -> None:
    """Removes root's right to ignore permissions, for the process that is started next."""
    drop_from_bounding_set, dac_override = 24, 1
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0)


@pytest.mark.skipif(
    os.geteuid() == 0 and sys.platform != "linux", reason="root may write everywhere"
)
@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("gaps",), 1),
        (("fetch", "list"), 2),
        (("view", "check", "openrouter.models"), 0),
        (("status",), 2),
        (("sql", "SELECT 1"), 2),
        (("log", "--stats"), 2),
        (("verify",), 0),
    ],
)
def test_reading_commands_work_in_a_read_only_archive(
    read_only: Path, arguments: tuple[str, ...], lines: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=read_only,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=obey_permissions,
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= lines


def limited(*arguments: str, cwd: Path, max_bytes: int) -> "subprocess.CompletedProcess[str]":
    """Runs a command that cannot write more than `max_bytes` to any file."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes)),
    )


@pytest.mark.slow
def test_a_full_disk_is_reported_as_such(archive: Path, tmp_path: Path) -> None:
    recording = tmp_path / "2026-01-01.json"
    many = [{"id": f"a/{number}", "name": "x" * 300} for number in range(300)]
    recording.write_text(json.dumps({"data": many}))
    shutil.rmtree(archive / "views")
    updated = limited("view", "update", "openrouter.models", cwd=archive, max_bytes=3000)
    assert hindlog("view", "update", "openrouter.models", cwd=archive).returncode == 0
    to = str(tmp_path / "out")

    results = {
        "update": updated,
        "export": limited("export", "--to", to, cwd=archive, max_bytes=3000),
        "file": limited("sql", "FROM range(9999)", "-o", f"{to}.csv", cwd=archive, max_bytes=3000),
        "import": limited(
            "fetch", "import", "openrouter", str(recording), cwd=archive, max_bytes=20_000
        ),
    }

    for name, done in results.items():
        assert done.returncode == 8, (name, done.stderr)
        assert "Traceback" not in done.stderr, name
        assert "make room" in done.stderr, name
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []
