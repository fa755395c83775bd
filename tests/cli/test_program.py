"""Rules that every command follows, checked over all commands of the program."""

import os
from pathlib import Path

import click
import orjson
import pytest

from cli.program import cli, run
from cli.reference import commands
from tests.cli.conftest import WRITER
from tests.cli.making import Done, hindlog, replaced, stream

SEGMENT = f"openrouter/2026-11-01/02-{WRITER}-000"
ENTITY = "openrouter/model/x/a"
Words = tuple[str, ...]

ARGUMENTS: dict[str, Words] = {
    "changes": ("--since", "2026-11-01"),
    "completion": ("bash",),
    "config check": (),
    "config paths": (),
    "config show": (),
    "demo": ("demo",),
    "diff": (ENTITY, "2026-11-01T00:30"),
    "doctor": (),
    "export": ("--to", "out"),
    "fetch add": ("civitai", "models"),
    "fetch cancel": ("c0",),
    "fetch clean": (),
    "fetch import": ("civitai", "given"),
    "fetch list": (),
    "fetch probe": ("https://civitai.com/api/v1/models",),
    "fetch replay": (),
    "fetch retry": ("c0",),
    **{"fetch run": ("--once",), "fetch sources": ()},
    "gaps": (),
    **{"help": ("fetch", "add"), "history": (ENTITY,), "init": ("new",)},
    "log": (),
    "prune": ("--keep-local", "90d"),
    "repair": (SEGMENT,),
    "segment cat": (SEGMENT,),
    "segment list": (),
    "segment response": (SEGMENT, "1"),
    "segment seal": (),
    "show": (ENTITY,),
    "simulate": (),
    "sql": ("SELECT id, name FROM openrouter.models ORDER BY id",),
    "status": (),
    "sync check": (),
    "sync pull": (),
    "sync push": (),
    "tail": (),
    "verify": (),
    "view check": (),
    "view diff": ("openrouter.models", "--definition", __file__),
    **dict.fromkeys(("view list", "view rebuild"), ()),
    "view show": ("openrouter.models",),
    "view update": (),
}
"""Every command with valid arguments."""
ALL = {" ".join(path): command for path, command in commands(cli, ())}
WITHOUT_ARCHIVE = ("completion", "demo", "doctor", "help", "init", "simulate")
READS = (
    *("changes", "config paths", "config show", "diff", "fetch list", "gaps", "history", "log"),
    *("segment cat", "segment list", "show", "sql", "tail"),
)
"""Commands whose output about the shared archive is the same each time."""


def options_of(name: str) -> set[str]:
    """Returns the options of a command."""
    return {option for param in ALL[name].params for option in param.opts}


ROWS = [name for name in ALL if "--output" in options_of(name) and "--format" in options_of(name)]
SLOW = ("changes", "diff")
PRINTS_ROWS = [name for name in ROWS if name in READS and name not in ("log", *SLOW)]
JSON = [name for name in ALL if "--json" in options_of(name)]


def words(name: str) -> Words:
    """Returns the command line of a command with valid arguments."""
    return (*name.split(), *ARGUMENTS[name])


def test_the_table_of_these_tests_names_every_command() -> None:
    assert set(ARGUMENTS) == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_an_unknown_option_exits_with_2_and_names_the_help(name: str, shared: Path) -> None:
    done = hindlog(*name.split(), "--no-such-option", at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert done.err.startswith("hindlog: No such option")
    assert done.err.endswith(f"  hindlog {name} --help\n")


@pytest.mark.parametrize("name", ALL)
def test_with_the_log_format_json_stderr_contains_only_json(name: str, shared: Path) -> None:
    done = hindlog("--log-format", "json", *name.split(), "--no-such-option", at=shared)
    after = hindlog(*name.split(), "--log-format=json", "--no-such-option", at=shared)

    (error,) = map(orjson.loads, done.err.splitlines())
    assert (error["message_type"], error["code"]) == ("exit_error", 2)
    assert error["hint"] == f"hindlog {name} --help"
    assert after.err == done.err


@pytest.mark.parametrize("name", [command for command in ALL if command not in WITHOUT_ARCHIVE])
def test_without_an_archive_a_command_exits_with_10_and_names_init(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = hindlog(*words(name))
    named = hindlog(*words(name), "-C", "nowhere")
    by_variable = hindlog_with("HINDLOG_ARCHIVE", "nowhere", monkeypatch, *words(name))

    assert here.code == named.code == by_variable.code == 10
    assert here.raw == named.raw == by_variable.raw == b""
    assert here.err.endswith("no hindlog.toml here, above, or in data\n  hindlog init\n")
    assert named.err.endswith("(named by -C)\n  hindlog init nowhere\n")
    assert by_variable.err.endswith("(named by HINDLOG_ARCHIVE)\n  hindlog init nowhere\n")
    assert list(tmp_path.iterdir()) == []


def hindlog_with(name: str, value: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Done:
    """Runs a command with an environment variable."""
    with monkeypatch.context() as changed:
        changed.setenv(name, value)
        return hindlog(*arguments)


@pytest.mark.parametrize("name", JSON)
def test_a_failed_command_with_json_ends_stderr_with_an_exit_error(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hindlog(*words(name), "--json")

    assert done.code == 10
    *before, last = done.err.splitlines()
    error = orjson.loads(last)
    assert set(error) == {"message_type", "code", "message", "hint"}
    assert (error["message_type"], error["code"]) == ("exit_error", 10)
    assert before[-2:] == [f"hindlog: {error['message']}", f"  {error['hint']}"]


@pytest.mark.parametrize("name", READS)
def test_quiet_does_not_change_data_and_leaves_stderr_empty(name: str, shared: Path) -> None:
    plain = hindlog(*words(name), at=shared)
    after = hindlog(*words(name), "--quiet", at=shared)
    before = hindlog("-q", *words(name), at=shared)

    assert plain.code == after.code == before.code == 0
    assert plain.raw == after.raw == before.raw
    assert plain.raw != b""
    assert (after.err, before.err) == ("", "")


@pytest.mark.parametrize("name", READS)
def test_a_command_exits_quietly_with_0_if_the_reader_closed_the_pipe(
    name: str, shared: Path
) -> None:
    read, write = os.pipe()
    os.close(read)
    err = stream()
    with os.fdopen(write, "w") as out, replaced(stream(), out, err):
        code = run(["-C", str(shared), *words(name), "-q"])

    assert code == 0
    assert err.buffer.getvalue() == b""  # type: ignore[attr-defined]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("name", [*READS, "completion", "doctor", "status"])
def test_a_full_stdout_ends_every_command_with_8_and_is_named(name: str, shared: Path) -> None:
    err = stream()
    with open("/dev/full", "w") as out, replaced(stream(), out, err):  # noqa: PTH123
        code = run(["-C", str(shared), *words(name), "-q"])

    assert code == 8
    assert err.buffer.getvalue().startswith(b"hindlog: stdout: ")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", READS)
def test_data_in_a_pipe_is_never_colored(
    name: str, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = hindlog(*words(name), at=shared)
    monkeypatch.setenv("FORCE_COLOR", "1")
    forced = hindlog(*words(name), "--color", "always", at=shared)

    assert forced.raw == plain.raw
    assert b"\x1b" not in forced.raw


@pytest.mark.parametrize("name", PRINTS_ROWS)
def test_rows_are_the_same_in_every_format(name: str, shared: Path, tmp_path: Path) -> None:
    results = {
        fmt: hindlog(*words(name), "-F", fmt, at=shared)
        for fmt in ("json", "ndjson", "csv", "tsv", "markdown", "table")
    }
    rows = results["json"].json()

    assert {done.code for done in results.values()} == {0}
    assert rows
    assert [orjson.loads(line) for line in results["ndjson"].raw.splitlines()] == rows
    assert results["tsv"].rows[0] == list(rows[0])
    assert [len(results[fmt].rows) for fmt in ("csv", "tsv", "table")] == [len(rows) + 1] * 3
    assert len(results["markdown"].rows) == len(rows) + 2
    assert hindlog(*words(name), "--json", at=shared).raw == results["json"].raw
    assert hindlog(*words(name), at=shared).raw == results["tsv"].raw
    file = tmp_path / "rows.csv"
    written = hindlog(*words(name), "-o", file, at=shared)
    assert (written.code, written.raw, file.read_bytes()) == (0, b"", results["csv"].raw)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", [*PRINTS_ROWS, *SLOW, "log"])
def test_formats_that_contradict_each_other_exit_with_2(name: str, shared: Path) -> None:
    done = hindlog(*words(name), "--json", "-F", "csv", at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert "--json and --format csv contradict each other" in done.err


def timed(option: str) -> list[str]:
    """Returns the commands that have this option."""
    return [name for name in ALL if option in options_of(name)]


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for option in ("--since", "--until", "--as-of") for name in timed(option)],
)
def test_an_invalid_time_exits_with_2_and_prints_examples(
    name: str, option: str, shared: Path
) -> None:
    done = hindlog(*words(name), option, "2026-13-01", at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert "hindlog: '2026-13-01' is not a valid time" in done.err
    assert "examples: now, yesterday" in done.err


@pytest.mark.parametrize("name", timed("--as-of"))
def test_an_as_of_in_the_future_is_an_error(name: str, shared: Path) -> None:
    done = hindlog(*words(name), "--as-of", "9999-01-01", at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert "it is in the future, now is 2" in done.err


@pytest.mark.parametrize("name", READS)
def test_the_archive_can_be_named_before_or_after_the_command_and_the_last_one_wins(
    name: str, shared: Path, empty: Path
) -> None:
    before = hindlog("-C", shared, *words(name))
    after = hindlog(*words(name), "--archive", shared)
    both = hindlog("-C", empty, *words(name), "-C", shared)

    assert before.raw == after.raw == both.raw


@pytest.mark.parametrize(
    "name", ["status", "config show", "config check", "fetch run", "fetch add", "segment list"]
)
def test_an_unknown_key_of_the_configuration_exits_with_2_and_names_the_nearest(
    name: str, shared: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[source.civitai]\nschedul = 1\n")
    done = hindlog(*words(name), "--config", other, at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert "schedul: unknown key; the nearest known one is source.civitai.schedule" in done.err


def test_an_unknown_command_exits_with_2() -> None:
    done = hindlog("frobnicate", "--json")

    assert (done.code, done.raw) == (2, b"")
    assert orjson.loads(done.err.splitlines()[-1])["code"] == 2


def test_every_group_takes_the_global_options() -> None:
    groups = [command for command in cli.commands.values() if isinstance(command, click.Group)]

    for group in (cli, *groups):
        assert {"archive", "quiet", "log_format"} <= {param.name for param in group.params}


def test_every_command_has_a_sentence_of_its_own_in_the_help_of_hindlog() -> None:
    """Without `short_help`, click prints the first sentence of the docstring, cut off."""
    assert [name for name, command in cli.commands.items() if not command.short_help] == []
    assert "The files of the log: list, cat, response, seal." in hindlog("--help").out
