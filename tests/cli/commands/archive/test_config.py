"""`config` and `completion`: values with their origin, paths, errors; the scripts for shells."""

from pathlib import Path

import pytest

from tests.cli.making import hindlog


def test_config_show_prints_every_key_and_with_origin_its_source(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (archive / "hindlog.toml").write_text("[source.civitai]\nconcurrency = 9\ntimeout_s = 2\n")
    monkeypatch.setenv("HINDLOG_CIVITAI_CONCURRENCY", "3")
    monkeypatch.setenv("HINDLOG_CIVITAI_API_KEY", "secret")
    plain = hindlog("config", "show", at=archive)
    full = hindlog("config", "show", "--origin", at=archive)

    assert plain.rows[0] == ["key", "value"]
    assert plain.rows[1:] == [row[:2] for row in full.rows[1:]]
    assert ["source.civitai.concurrency", "3", "HINDLOG_CIVITAI_CONCURRENCY"] in full.rows
    assert ["source.civitai.timeout_s", "2.0", "hindlog.toml"] in full.rows
    assert ["log.segment_bytes", "268435456", "default"] in full.rows
    assert "secret" not in plain.out + full.out + plain.err + full.err


def test_config_paths_are_inside_the_archive(archive: Path) -> None:
    rows = hindlog("config", "paths", at=archive).rows

    assert rows[:3] == [
        ["what", "path"],
        ["archive", str(archive)],
        ["hindlog.toml", str(archive / "hindlog.toml")],
    ]
    assert [row[0] for row in rows[3:]] == [
        *("log", "assets", "views", "views/hindlog.duckdb", "state")
    ]


@pytest.mark.parametrize(
    ("toml", "code", "message"),
    [
        ("", 0, "OK\n"),
        ('[source.civitai]\nschedule = "not cron"\n', 2, "not cron"),
        ('[source.openrouter]\nschedule = "61 * * * *"\n', 2, "61"),
        ("[source.civitai]\nconcurrency = 0\n", 2, "expected a number above 0"),
    ],
)
def test_config_check_prints_ok_or_the_problem_on_stderr(
    archive: Path, toml: str, code: int, message: str
) -> None:
    (archive / "hindlog.toml").write_text(toml)
    done = hindlog("config", "check", at=archive)

    assert (done.code, done.raw) == (code, b"")
    assert message in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell_on_stdout(shell: str) -> None:
    done = hindlog("completion", shell)

    assert (done.code, done.err) == (0, "")
    assert f"_HINDLOG_COMPLETE={shell}_complete" in done.out
    assert "hindlog" in done.out


def test_completion_refuses_an_unknown_shell() -> None:
    done = hindlog("completion", "cmd")

    assert (done.code, done.raw) == (2, b"")
    assert "bash" in done.err
