"""The program as a process: results, invalid arguments, damage, lost segments."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from projector.query.select import run_query
from tests.cli.making import hindlog as hindlog_here
from tests.e2e.conftest import environment, hindlog


def test_tail_prints_the_last_lines_unmodified(crawled: Path) -> None:
    done = hindlog("tail", "-n", "3", cwd=crawled)

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) == 3
    assert all(json.loads(line)["v"] == 1 for line in lines)


def test_log_prints_every_event_once_and_in_order(crawled: Path) -> None:
    done = hindlog("log", cwd=crawled)

    events = [json.loads(line) for line in done.stdout.splitlines()]
    order = [(e["observed_at"], e["writer"], e["seq"], e["source"]) for e in events]
    assert order == sorted(order)
    for source in ("civitai", "openrouter"):
        seqs = [e["seq"] for e in events if e["source"] == source]
        assert seqs == list(range(1, len(seqs) + 1))


def test_log_with_reverse_prints_the_same_events_in_reverse_order(crawled: Path) -> None:
    forwards = hindlog_here("log", "openrouter/model", at=crawled).out.splitlines()
    backwards = hindlog_here("log", "openrouter/model", "--reverse", at=crawled).out.splitlines()

    assert forwards
    assert backwards == forwards[::-1]


def test_tail_with_a_cursor_file_prints_each_event_once_over_several_calls(
    archive: Path, tmp_path: Path
) -> None:
    cursor = tmp_path / "cursor"
    arguments = ("tail", "--from", "beginning", "--cursor-file", str(cursor), "--count", "100")
    first = hindlog_here(*arguments, at=archive).out
    second = hindlog_here("tail", "--cursor-file", str(cursor), at=archive).out
    third = hindlog_here("tail", "--cursor-file", str(cursor), at=archive).out

    everything = hindlog_here("tail", "--from", "beginning", at=archive).out
    assert len(first.splitlines()) == 100
    assert sorted((first + second).splitlines()) == sorted(everything.splitlines())
    assert third == ""


def test_a_cursor_of_another_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor"
    hindlog_here("tail", "--from", "end", "--cursor-file", str(cursor), at=archive)
    other = tmp_path / "other"
    (other / "log").mkdir(parents=True)
    (other / "hindlog.toml").touch()

    done = hindlog_here("tail", "--cursor-file", str(cursor), at=other)

    assert done.code == 2
    assert "no event with seq" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("tail", "--kind", "nonsense"), 2, "expected one of entity"),
        (("log", "--since", "2026-13-01"), 2, "2026-13-01"),
        (("sql", "SELECT * FROM nowhere.models"), 2, "nowhere"),
        (("sql", "SELECT 1; SELECT 2"), 2, "one"),
        (("sql", "COPY (SELECT 1) TO 'x.csv'"), 2, "SELECT"),
        (("sql", "--as-of", "2h ahead", "SELECT 1"), 2, "2h ahead"),
        (("show", "openrouter/model/no-such/model"), 6, "no-such/model"),
        (("show", "model"), 2, "source/type/id"),
        (("segment", "cat", "no/such"), 2, "segment list"),
        (("fetch", "run", "--once", "nowhere"), 2, "civitai"),
        (("frobnicate",), 2, "frobnicate"),
    ],
)
def test_an_invalid_argument_is_named_in_the_error(
    crawled: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = hindlog_here(*arguments, at=crawled)

    assert done.code == code, done.err
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_without_an_archive_the_next_command_is_named(tmp_path: Path) -> None:
    done = hindlog("tail", cwd=tmp_path)

    assert done.returncode == 10
    assert "hindlog init" in done.stderr


@pytest.mark.parametrize("command", ["sql", "changes", "show", "view list", "export", "history"])
def test_without_views_the_next_command_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").touch()
    arguments = {
        "sql": ["SELECT 1"],
        "show": ["a/b/c"],
        "history": ["a/b/c"],
        "export": ["--to", "x"],
    }
    done = hindlog_here(*command.split(), *arguments.get(command, []), at=tmp_path)

    assert (done.code, done.out) == (6, "")
    assert "hindlog view update" in done.err


@pytest.mark.parametrize("group", [(), ("fetch",), ("view",)])
def test_a_group_without_a_command_prints_its_help_on_stderr(group: tuple[str, ...]) -> None:
    done = hindlog_here(*group)

    assert (done.code, done.out) == (2, "")
    assert done.err == hindlog_here(*group, "--help").out


def test_with_json_the_last_line_of_stderr_describes_the_error(crawled: Path) -> None:
    done = hindlog("sql", "--json", "SELEC", cwd=crawled)

    error = json.loads(done.stderr.splitlines()[-1])
    assert error["message_type"] == "exit_error"
    assert error["code"] == done.returncode == 2


def test_show_prints_the_bytes_that_upstream_sent(crawled: Path) -> None:
    row = hindlog_here(
        "sql",
        "-F",
        "tsv",
        "SELECT id, _seq FROM openrouter.models ORDER BY id LIMIT 1",
        at=crawled,
    ).out.splitlines()[1]
    id_, seq = row.split("\t")

    shown = hindlog_here("show", f"openrouter/model/{id_}", at=crawled)

    assert shown.code == 0
    lines = hindlog_here("log", f"openrouter/model/{id_}", "--kind", "entity", at=crawled).out
    line = next(text for text in lines.splitlines() if json.loads(text)["seq"] == int(seq))
    assert line.endswith(f'"body":{shown.out.rstrip()}}}')


def test_verify_locates_damage_and_log_prints_all_other_events(archive: Path) -> None:
    assert hindlog_here("segment", "seal", "--all", at=archive).code == 0
    assert hindlog_here("verify", at=archive).code == 0
    damaged = sorted((archive / "log/openrouter").rglob("*.zst"))[0]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)

    verified = hindlog_here("verify", at=archive)
    logged = hindlog_here("log", at=archive)

    assert verified.code == logged.code == 4
    assert damaged.name in verified.out
    assert damaged.name.removesuffix(".ndjson.zst") in logged.err
    assert logged.out.count('"source":"civitai"') > 0


def states(archive: Path) -> dict[str, str]:
    """Returns the state of each segment, from `segment list`."""
    listed = hindlog("segment", "list", "--json", cwd=archive).stdout
    return {row["segment"]: row["state"] for row in json.loads(listed)}


def damage_of(archive: Path) -> tuple[int, int]:
    """Returns how many segments of OpenRouter are missing, and accepted as lost, by `status`."""
    sources = json.loads(hindlog("status", "--json", cwd=archive).stdout)["sources"]
    openrouter = next(source for source in sources if source["source"] == "openrouter")
    return openrouter["missing"], openrouter["lost"]


@pytest.mark.slow
def test_the_loss_of_a_segment_can_be_accepted_and_its_stream_continues(archive: Path) -> None:
    assert hindlog("segment", "seal", "--all", cwd=archive).returncode == 0
    lost = next(iter(sorted((archive / "log" / "openrouter").rglob("*.ndjson.zst"))))
    name = lost.relative_to(archive / "log").as_posix().removesuffix(".ndjson.zst")
    lost.unlink()
    assert states(archive)[name] == "missing"
    assert damage_of(archive) == (1, 0)
    Path(str(lost).replace(".ndjson.zst", ".manifest.json")).unlink()
    verified = hindlog("verify", cwd=archive)
    assert verified.returncode == 4
    command = next(
        line.rpartition("hindlog ")[2].split()
        for line in (verified.stdout + verified.stderr).splitlines()
        if "--accept-loss" in line
    )

    accepted = hindlog(*command, cwd=archive)

    assert accepted.returncode == 0, accepted.stderr
    assert "recorded as lost: seq" in accepted.stderr
    assert states(archive)[command[-1]] == "lost"
    assert damage_of(archive) == (0, 1)
    assert hindlog("verify", cwd=archive).returncode == 0
    assert hindlog(*command, cwd=archive).returncode == 0
    assert hindlog("view", "update", cwd=archive).returncode == 0
    both = hindlog("repair", "--accept-loss", "--from", ".", command[-1], cwd=archive)
    assert both.returncode == 2


@pytest.mark.slow
def test_views_and_state_are_rebuilt_from_the_log_alone(archive: Path) -> None:
    import shutil

    queries = (
        "SELECT id, prompt, completion FROM openrouter.models ORDER BY id",
        "SELECT id, valid_from, valid_to, _hash FROM openrouter.endpoints_versions ORDER BY ALL",
        "SELECT id, download_count FROM civitai.models ORDER BY id",
        "SELECT id, url FROM civitai.images ORDER BY id",
    )
    before = [list(run_query(archive, query).rows) for query in queries]
    shutil.rmtree(archive / "views")
    shutil.rmtree(archive / "state")

    assert hindlog("view", "update", cwd=archive).returncode == 0

    assert all(before)
    assert [list(run_query(archive, query).rows) for query in queries] == before


def test_an_export_has_the_rows_of_its_view(archive: Path, tmp_path: Path) -> None:
    import duckdb

    to = tmp_path / "out"
    done = hindlog("export", "openrouter.models", "--to", str(to), cwd=archive)
    counted = hindlog_here("sql", "SELECT count(*) AS n FROM openrouter.models", at=archive).out

    assert done.returncode == 0, done.stderr
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT count(*) FROM '{to}/**/*.parquet'").fetchall()
    assert rows == [(int(counted.splitlines()[1]),)]


def test_status_config_doctor_and_completion_succeed_without_showing_secrets(
    crawled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDLOG_CIVITAI_API_KEY", "s3cret")
    status = json.loads(hindlog_here("status", "--json", at=crawled).out)
    shown = hindlog_here("config", "show", "--origin", at=crawled)
    doctor = hindlog_here("doctor", at=crawled)

    assert {source["source"] for source in status["sources"]} == {"civitai", "openrouter"}
    assert all(source["events_24h"] > 0 for source in status["sources"])
    assert status["views"]["drift"] == []
    assert "source.civitai.base_url" in shown.out
    assert "s3cret" not in shown.out + shown.err + doctor.out + doctor.err
    assert "FAIL" not in doctor.out
    assert hindlog_here("config", "check", at=crawled).code == 0
    assert "_HINDLOG_COMPLETE" in hindlog_here("completion", "bash", at=crawled).out


def test_help_imports_no_heavy_library() -> None:
    heavy = "duckdb, pyarrow, aiohttp, rich, zstandard, msgspec, importlib.metadata"
    code = f"import sys, cli.program; print([m for m in '{heavy}'.split(', ') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
