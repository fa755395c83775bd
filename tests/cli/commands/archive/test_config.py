"""`config`, `completion` and `doctor`: what holds here, and what is wrong."""

import re
import shutil
from pathlib import Path

import pytest

from cli.commands.archive.config import _disk, _owners_of
from tests.cli.conftest import WRITER
from tests.cli.making import hindlog

FIRST = f"openrouter/2026-11-01/00-{WRITER}-000"


def test_config_shows_every_key_and_with_origin_where_it_comes_from(
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


def test_config_paths_are_those_of_the_archive(archive: Path) -> None:
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
    ("toml", "code", "word"),
    [
        ("", 0, "OK\n"),
        ('[source.civitai]\nschedule = "not cron"\n', 2, "not cron"),
        ('[source.openrouter]\nschedule = "61 * * * *"\n', 2, "61"),
        ("[source.civitai]\nconcurrency = 0\n", 2, "expected a number above 0"),
    ],
)
def test_config_check_says_ok_or_what_is_wrong_on_stderr(
    archive: Path, toml: str, code: int, word: str
) -> None:
    (archive / "hindlog.toml").write_text(toml)
    done = hindlog("config", "check", at=archive)

    assert (done.code, done.raw) == (code, b"")
    assert word in done.err


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


def levels(out: str) -> list[str]:
    return re.findall(r"^(OK|WARN|FAIL) ", out, flags=re.MULTILINE)


def test_doctor_exits_with_0_where_all_is_well(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDLOG_CIVITAI_API_KEY", "secret")
    done = hindlog("doctor", at=shared)

    assert (done.code, done.err) == (0, "")
    assert levels(done.out) == ["OK"] * 6
    assert "keys for: civitai\n" in done.out
    assert "OK    6 segments; names, manifests and chains are whole\n" in done.out
    assert "secret" not in done.out
    assert "keys for: none" not in done.out


def test_doctor_without_an_archive_warns_and_exits_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hindlog("doctor")

    assert (done.code, levels(done.out)) == (0, ["OK", "OK", "WARN"])
    assert done.out.endswith("\n      hindlog init\n")


def test_doctor_exits_with_1_and_names_the_repair_where_the_log_is_damaged(archive: Path) -> None:
    (archive / "log" / f"{FIRST}.ndjson.zst").unlink()
    done = hindlog("doctor", at=archive)

    assert done.code == 1
    assert "FAIL  1 damages in the log\n      hindlog verify\n" in done.out
    assert levels(done.out)[-1] == "OK"


def test_doctor_goes_on_behind_a_configuration_that_is_wrong(archive: Path) -> None:
    (archive / "hindlog.toml").write_text("x = 1\n")
    done = hindlog("doctor", at=archive)

    assert (done.code, levels(done.out)) == (1, ["OK", "OK", "FAIL", "OK", "OK", "OK"])
    assert "x: unknown key" in done.out


def test_doctor_warns_of_views_that_are_not_made_and_fails_for_damaged_ones(
    archive: Path,
) -> None:
    for part in (archive / "views" / "parts" / "openrouter").rglob("2*.parquet"):
        part.unlink()
    lost = hindlog("doctor", at=archive)
    shutil.rmtree(archive / "views")
    none = hindlog("doctor", at=archive)

    assert (lost.code, levels(lost.out)[-1]) == (1, "FAIL")
    assert (none.code, levels(none.out)[-1]) == (0, "WARN")
    assert none.out.endswith("      hindlog view update\n")


@pytest.mark.parametrize(
    ("shares", "level", "hint"),
    [
        (8, "OK", None),
        (2, "WARN", "make room on the disk"),
        (0.5, "FAIL", "make room on the disk"),
    ],
)
def test_doctor_measures_the_disk_against_the_reserve_that_the_log_needs(
    tmp_path: Path,
    shares: float,
    level: str,
    hint: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reserve = shutil.disk_usage(tmp_path).free / shares
    monkeypatch.setattr("eventlog.files.disk.RESERVE_BYTES", reserve)
    (found,) = _disk(tmp_path)

    assert (found[0], found[2]) == (level, hint)
    assert found[1].endswith(" MiB free")


def test_one_distribution_owns_the_package() -> None:
    assert _owners_of("no/such/file.py") == []
    assert len(_owners_of("click/__init__.py")) == 1
