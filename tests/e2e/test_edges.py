"""The edges: bytes that are no text, places that are none, full and read-only disks."""

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
from tests.e2e.conftest import environment, hindlog

LISTING = {"data": [{"id": "a/b", "name": "B"}]}


def run_bytes(
    *arguments: str | bytes, cwd: Path, stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=cwd,
        env=environment(),
        input=stdin,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "stdin", "word"),
    [
        (("sql", "SELECT 1", "-o", "no/such/x.csv"), b"", "the folder no/such does not exist"),
        (("log", "-o", "no/such/x.ndjson"), b"", "the folder no/such does not exist"),
        (("sql", "-f", "log"), b"", "is a directory"),
        (("sql", "-f", "binary"), b"", "binary: expected SQL in UTF-8, found byte 0xff"),
        (("sql",), b"SELECT '\xff'", "stdin: expected SQL in UTF-8, found byte 0xff"),
        (("sql", "--timeout", "0", "SELECT 1"), b"", "above 0"),
        (("sql", "--timeout", "-1", "SELECT 1"), b"", "above 0"),
        (("sql", "--timeout", "nan", "SELECT 1"), b"", "above 0"),
        (("sql", "COPY (SELECT 1) TO 'x'"), b"", "hindlog export"),
        (("tail", "-n", "-5"), b"", "-5"),
        (("tail", "--cursor-file", "no/such/cursor"), b"", "the folder no/such does not exist"),
        (("tail", "--cursor-file", "log"), b"", "is a directory"),
        (("tail", "--cursor-file", "binary"), b"", "binary: cursor"),
        (("tail", "--cursor-file", "empty"), b"", "empty: cursor ''"),
        (("segment", "list", "--source", "nosuch"), b"", "expected one of civitai, openrouter"),
        (("show", b"openrouter/model/\xff"), b"", "in UTF-8"),
        (("log", "-F", "csv"), b"", "hindlog sql"),
        (("completion",), b"", "Choose from: bash, zsh, fish"),
        (("fetch", "probe", "https://nowhere.example"), b"", "hindlog fetch probe --help"),
        (("fetch", "import", "nosuch", "binary"), b"", "hindlog fetch import --help"),
        (("fetch", "add", "openrouter", "nosuch"), b"", "its listings: models"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(
    archive: Path, arguments: tuple[str | bytes, ...], stdin: bytes, word: str
) -> None:
    (archive / "binary").write_bytes(b"\xff\xfe")
    (archive / "empty").touch()

    done = run_bytes(*arguments, cwd=archive, stdin=stdin)

    assert (done.returncode, done.stdout) == (2, b"")
    assert word in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert b"\\t" not in done.stderr


def test_what_was_never_seen_is_said_once_and_leads_on(crawled: Path) -> None:
    for command in ("show", "history"):
        done = hindlog(command, "openrouter/model/no/such", cwd=crawled)

        assert done.returncode == 6
        assert done.stderr.count("openrouter/model/no/such") == 1
        assert f"hindlog {command}" not in done.stderr


def test_events_go_to_a_file_as_they_are(crawled: Path, tmp_path: Path) -> None:
    piped = hindlog("log", "-n", "20", cwd=crawled).stdout

    assert hindlog("log", "-n", "20", "-o", str(tmp_path / "e.ndjson"), cwd=crawled).stdout == ""
    assert hindlog("log", "-n", "20", "-o", str(tmp_path / "e.json"), cwd=crawled).stdout == ""
    readable = hindlog("log", "-n", "20", "-F", "table", cwd=crawled).stdout

    assert (tmp_path / "e.ndjson").read_text() == piped
    found = json.loads((tmp_path / "e.json").read_text())
    assert found == [json.loads(line) for line in piped.splitlines()]
    assert len(readable.splitlines()) == 20
    assert "{" not in readable


def test_instants_are_echoed_as_they_were_understood(crawled: Path) -> None:
    for command in ("log", "gaps", "changes", "verify"):
        done = hindlog(command, "--since", "2026-11-01 13:05", cwd=crawled)

        assert "since 2026-11-01T13:05:00Z" in done.stderr.splitlines()
    done = hindlog("log", "--until", "2026-11", cwd=crawled)
    assert done.stderr == "until 2026-11-01T00:00:00Z\n"


def test_a_cursor_that_is_there_counts_more_than_from_and_that_is_said(
    archive: Path, tmp_path: Path
) -> None:
    arguments = ("tail", "--from", "beginning", "--cursor-file", str(tmp_path / "c"))
    first = hindlog(*arguments, "--count", "30", cwd=archive)
    second = hindlog(*arguments, cwd=archive)

    assert first.stderr == ""
    assert "continuing from the cursor in" in second.stderr
    assert not set(first.stdout.splitlines()) & set(second.stdout.splitlines())


def test_a_reader_who_leaves_comes_back_to_what_it_was_handed(
    archive: Path, tmp_path: Path
) -> None:
    cursor = tmp_path / "c"
    tail = f"{sys.executable} -m cli.main tail --from beginning --cursor-file {cursor}"
    command = ["bash", "-o", "pipefail", "-c", f"{tail} | head -n 700 > /dev/null"]

    assert subprocess.run(command, cwd=archive, env=environment(), check=False).returncode == 0

    everything = hindlog("tail", "--from", "beginning", cwd=archive).stdout.splitlines()
    rest = hindlog("tail", "--cursor-file", str(cursor), cwd=archive).stdout.splitlines()
    assert 0 < len(rest) < len(everything)


def test_messages_and_errors_are_json_where_that_is_asked_for(crawled: Path) -> None:
    done = hindlog("--log-format", "json", "sql", "--as-of", "1h", "SELEC", cwd=crawled)

    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [each["message_type"] for each in told] == ["message", "exit_error"]
    assert told[0]["message"].startswith("as of ")
    assert told[1]["code"] == done.returncode == 2


def test_responses_without_a_time_are_named_and_the_others_taken(
    tmp_path: Path,
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml())
    given = tmp_path / "given"
    given.mkdir()
    for name in (b"one.json", b"2026-01-01.json", b"two.json", b"2026-01-02\xff.json"):
        Path(os.fsdecode(os.fsencode(given) + b"/" + name)).write_text(json.dumps(LISTING))

    arguments = ("fetch", "import", "openrouter", "--endpoint", "/api/v1/models")
    mixed = hindlog(*arguments, "given", cwd=tmp_path)
    none = hindlog(*arguments, "given/one.json", cwd=tmp_path)
    replayed = hindlog("fetch", "replay", "openrouter", cwd=tmp_path)

    assert mixed.returncode == 3, mixed.stderr
    assert "given/one.json: no time" in mixed.stderr
    assert "given/two.json: no time" in mixed.stderr
    assert "2 of 2 responses" in mixed.stderr
    assert len(hindlog("log", "--kind", "page", cwd=tmp_path).stdout.splitlines()) == 2
    assert none.returncode == 2
    assert "--observed-at" in none.stderr
    assert "openrouter: no quarantined body can be split" in replayed.stderr


def test_an_archive_that_was_moved_is_asked_as_before(archive: Path, tmp_path: Path) -> None:
    question = "SELECT * FROM openrouter.models_changes ORDER BY ALL LIMIT 5"
    before = hindlog("sql", question, cwd=archive).stdout

    moved = Path(shutil.move(archive, tmp_path / "moved"))

    assert hindlog("sql", question, cwd=moved).stdout == before
    assert hindlog("status", "--json", cwd=moved).returncode == 0


def test_status_tells_runs_errors_and_events_per_hour(crawled: Path) -> None:
    for each in json.loads(hindlog("status", "--json", cwd=crawled).stdout)["sources"]:
        assert each["last_run_state"].endswith(": completed")
        assert each["errors_24h"] == 0
        assert each["events_per_hour"] == round(each["events_24h"] / 24, 1) > 0


@pytest.fixture
def read_only(archive: Path) -> Iterator[Path]:
    """A copy in which nothing may be written."""
    for path in (archive, *archive.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield archive
    for path in (archive, *archive.rglob("*")):
        path.chmod(0o755)


def obey_permissions() -> None:
    """Take from root, for the program to be started, the right to write everywhere."""
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
def test_what_only_reads_works_where_nothing_may_be_written(
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


def limited(*arguments: str, cwd: Path, most: int) -> "subprocess.CompletedProcess[str]":
    """A command for which every file is full at so many bytes."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )


def test_a_disk_that_is_full_is_told_as_such(archive: Path, tmp_path: Path) -> None:
    given = tmp_path / "2026-01-01.json"
    many = [{"id": f"a/{number}", "name": "x" * 300} for number in range(300)]
    given.write_text(json.dumps({"data": many}))
    shutil.rmtree(archive / "views")
    updated = limited("view", "update", "openrouter.models", cwd=archive, most=3000)
    assert hindlog("view", "update", "openrouter.models", cwd=archive).returncode == 0
    to = str(tmp_path / "out")

    found = {
        "update": updated,
        "export": limited("export", "--to", to, cwd=archive, most=3000),
        "file": limited("sql", "FROM range(9999)", "-o", f"{to}.csv", cwd=archive, most=3000),
        "import": limited("fetch", "import", "openrouter", str(given), cwd=archive, most=20_000),
    }

    for name, done in found.items():
        assert done.returncode == 8, (name, done.stderr)
        assert "Traceback" not in done.stderr, name
        assert "free some space" in done.stderr, name
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []
