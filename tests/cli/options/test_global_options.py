"""Global options: precedence of their values, and their effect."""

from pathlib import Path

import click
import orjson
import pytest

from cli.options.global_options import GlobalOptions, current_options, global_options, wants_color
from cli.options.times import parse_time
from cli.program import cli
from tests.cli.making import hindlog


def parse(*words: str) -> GlobalOptions:
    """Returns the global options as a command of a small program reads them."""
    parsed: list[GlobalOptions] = []

    @click.group()
    @global_options
    def program() -> None: ...

    @program.command()
    @global_options
    def status() -> None:
        parsed.append(current_options())

    program.main(list(words), standalone_mode=False)
    return parsed[0]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("status",), GlobalOptions(None, None, False, 0, "auto", "text")),
        (("-C", "a", "status"), GlobalOptions("a", None, False, 0, "auto", "text")),
        (("-C", "a", "status", "-C", "b"), GlobalOptions("b", None, False, 0, "auto", "text")),
        (("status", "--config", "c"), GlobalOptions(None, Path("c"), False, 0, "auto", "text")),
        (("-q", "status"), GlobalOptions(None, None, True, 0, "auto", "text")),
        (("status", "-vv"), GlobalOptions(None, None, False, 2, "auto", "text")),
        (("--color", "never", "status"), GlobalOptions(None, None, False, 0, "never", "text")),
        (("--log-format", "json", "status"), GlobalOptions(None, None, False, 0, "auto", "json")),
    ],
    ids=lambda value: " ".join(value) if type(value) is tuple else "",
)
def test_a_global_option_can_be_on_either_side_of_the_command(
    words: tuple[str, ...], expected: GlobalOptions
) -> None:
    assert parse(*words) == expected


@pytest.mark.parametrize(
    ("choice", "variables", "terminal", "colored"),
    [
        (None, {}, True, True),
        (None, {}, False, False),
        (None, {"NO_COLOR": "1"}, True, False),
        (None, {"NO_COLOR": ""}, True, True),
        (None, {"FORCE_COLOR": "1"}, False, True),
        (None, {"FORCE_COLOR": ""}, False, False),
        (None, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        (None, {"TERM": "dumb"}, True, False),
        (None, {"TERM": "dumb", "FORCE_COLOR": "1"}, True, True),
        ("auto", {}, True, True),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_color_is_decided_by_flag_then_variables_then_terminal(
    choice: str | None,
    variables: dict[str, str],
    terminal: bool,
    colored: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    words = ["--color", choice] if choice else []

    with cli.make_context("hindlog", [*words, "status"]):
        assert wants_color(terminal) == colored


def test_another_configuration_file_is_read_instead_of_the_archives(
    shared: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[log]\nsegment_bytes = 7\n")
    before = hindlog("--config", other, "config", "show", "--origin", at=shared)
    after = hindlog("config", "show", "--origin", "--config", other, at=shared)
    nowhere = hindlog("config", "show", "--config", "nowhere.toml", at=shared)

    assert ["log.segment_bytes", "7", str(other)] in before.rows
    assert before.raw == after.raw
    assert (nowhere.code, nowhere.raw) == (2, b"")


def test_a_message_in_json_has_a_type_an_instant_and_a_text(shared: Path) -> None:
    done = hindlog("verify", "--since", "2026-11-01T02", "--log-format", "json", at=shared)

    messages = [orjson.loads(line) for line in done.err.splitlines()]
    assert [message["message_type"] for message in messages] == ["message", "message"]
    assert messages[0]["message"] == "since 2026-11-01T02:00:00Z"
    assert all(parse_time(message["at"], 0) > 0 for message in messages)


def test_quiet_omits_messages_in_json_and_keeps_errors(shared: Path) -> None:
    words = ("-q", "--log-format", "json", "verify", "--since")
    good = hindlog(*words, "2026-11-01T02", at=shared)
    bad = hindlog(*words, "never", at=shared)

    assert (good.code, good.err) == (0, "")
    assert orjson.loads(bad.err)["message_type"] == "exit_error"


def test_the_variable_names_the_archive_and_the_flag_wins(
    shared: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDLOG_ARCHIVE", str(shared))

    assert hindlog("config", "paths").rows[1] == ["archive", str(shared)]
    assert hindlog("config", "paths", at=empty).rows[1] == ["archive", str(empty)]


def test_version_and_help_go_to_stdout() -> None:
    version, help_ = hindlog("--version"), hindlog("-h")

    assert (version.code, help_.code) == (0, 0)
    assert version.out.startswith("hindlog, version ")
    assert "Example: hindlog demo" in help_.out
    assert version.err == help_.err == ""


def test_a_group_without_a_command_shows_its_help_on_stderr_and_exits_with_2() -> None:
    for group in ("fetch", "view", "segment", "config"):
        done = hindlog(group)

        assert (done.code, done.raw) == (2, b"")
        assert done.err.startswith(f"Usage: hindlog {group} ")
