"""Rules that every command obeys, checked over all commands that the program has."""

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
    "fetch run": ("--once",),
    "gaps": (),
    "history": (ENTITY,),
    "init": ("new",),
    "log": (),
    "repair": (SEGMENT,),
    "segment cat": (SEGMENT,),
    "segment list": (),
    "segment response": (SEGMENT, "1"),
    "segment seal": (),
    "show": (ENTITY,),
    "simulate": (),
    "sql": ("SELECT id, name FROM openrouter.models ORDER BY id",),
    "status": (),
    "tail": (),
    "verify": (),
    "view check": (),
    "view diff": ("openrouter.models", "--definition", __file__),
    "view list": (),
    "view rebuild": (),
    "view show": ("openrouter.models",),
    "view update": (),
}
"""Every command with arguments that it takes."""
ALL = {" ".join(path): command for path, command in commands(cli, ())}
WITHOUT_ARCHIVE = ("completion", "demo", "doctor", "init", "simulate")
READS = (
    *("changes", "config paths", "config show", "diff", "fetch list", "gaps", "history", "log"),
    *("segment cat", "segment list", "show", "sql", "tail"),
)
"""Commands that print something about the shared archive, each time the same."""


def options_of(name: str) -> set[str]:
    return {option for param in ALL[name].params for option in param.opts}


ROWS = [name for name in ALL if "--output" in options_of(name) and "--format" in options_of(name)]
SLOW = ("changes", "diff")
SHOWS_ROWS = [name for name in ROWS if name in READS and name not in ("log", *SLOW)]
JSON = [name for name in ALL if "--json" in options_of(name)]


def words(name: str) -> Words:
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
def test_with_a_log_format_of_json_stderr_holds_nothing_else(name: str, shared: Path) -> None:
    done = hindlog("--log-format", "json", *name.split(), "--no-such-option", at=shared)
    after = hindlog(*name.split(), "--log-format=json", "--no-such-option", at=shared)

    (told,) = map(orjson.loads, done.err.splitlines())
    assert (told["message_type"], told["code"]) == ("exit_error", 2)
    assert told["hint"] == f"hindlog {name} --help"
    assert after.err == done.err


@pytest.mark.parametrize("name", [each for each in ALL if each not in WITHOUT_ARCHIVE])
def test_without_an_archive_a_command_exits_with_10_and_names_init(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = hindlog(*words(name))
    named = hindlog(*words(name), "-C", "nowhere")
    by_variable = hindlog_with("HINDLOG_ARCHIVE", "nowhere", monkeypatch, *words(name))

    assert [each.code for each in (here, named, by_variable)] == [10, 10, 10]
    assert [each.raw for each in (here, named, by_variable)] == [b"", b"", b""]
    assert here.err.endswith("no hindlog.toml here, above, or in data\n  hindlog init\n")
    assert named.err.endswith("(named by -C)\n  hindlog init nowhere\n")
    assert by_variable.err.endswith("(named by HINDLOG_ARCHIVE)\n  hindlog init nowhere\n")
    assert list(tmp_path.iterdir()) == []


def hindlog_with(name: str, value: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Done:
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
    told = orjson.loads(last)
    assert set(told) == {"message_type", "code", "message", "hint"}
    assert (told["message_type"], told["code"]) == ("exit_error", 10)
    assert before[-2:] == [f"hindlog: {told['message']}", f"  {told['hint']}"]


@pytest.mark.parametrize("name", READS)
def test_quiet_leaves_data_as_it_is_and_stderr_empty(name: str, shared: Path) -> None:
    plain = hindlog(*words(name), at=shared)
    after = hindlog(*words(name), "--quiet", at=shared)
    before = hindlog("-q", *words(name), at=shared)

    assert plain.code == after.code == before.code == 0
    assert plain.raw == after.raw == before.raw
    assert plain.raw != b""
    assert (after.err, before.err) == ("", "")


@pytest.mark.parametrize("name", READS)
def test_a_reader_that_closed_the_pipe_ends_a_command_quietly_with_0(
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
def test_an_stdout_that_is_full_ends_every_command_with_8_and_is_named(
    name: str, shared: Path
) -> None:
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


@pytest.mark.parametrize("name", SHOWS_ROWS)
def test_rows_are_the_same_in_every_format(name: str, shared: Path, tmp_path: Path) -> None:
    made = {
        form: hindlog(*words(name), "-F", form, at=shared)
        for form in ("json", "ndjson", "csv", "tsv", "markdown", "table")
    }
    rows = made["json"].json()

    assert {each.code for each in made.values()} == {0}
    assert rows
    assert [orjson.loads(line) for line in made["ndjson"].raw.splitlines()] == rows
    assert made["tsv"].rows[0] == list(rows[0])
    assert [len(made[form].rows) for form in ("csv", "tsv", "table")] == [len(rows) + 1] * 3
    assert len(made["markdown"].rows) == len(rows) + 2
    assert hindlog(*words(name), "--json", at=shared).raw == made["json"].raw
    assert hindlog(*words(name), at=shared).raw == made["tsv"].raw
    file = tmp_path / "rows.csv"
    written = hindlog(*words(name), "-o", file, at=shared)
    assert (written.code, written.raw, file.read_bytes()) == (0, b"", made["csv"].raw)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", [*SHOWS_ROWS, *SLOW, "log"])
def test_formats_that_contradict_each_other_exit_with_2(name: str, shared: Path) -> None:
    done = hindlog(*words(name), "--json", "-F", "csv", at=shared)

    assert (done.code, done.raw) == (2, b"")
    assert "--json and --format csv contradict each other" in done.err


def timed(option: str) -> list[str]:
    return [name for name in ALL if option in options_of(name)]


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, each) for each in ("--since", "--until", "--as-of") for name in timed(each)],
)
def test_a_time_that_is_none_exits_with_2_and_gives_examples(
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
def test_the_archive_may_be_named_before_or_after_and_the_last_one_wins(
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
    groups = [each for each in cli.commands.values() if isinstance(each, click.Group)]

    for group in (cli, *groups):
        assert {"archive", "quiet", "log_format"} <= {param.name for param in group.params}
