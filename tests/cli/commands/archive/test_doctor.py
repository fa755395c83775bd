"""`doctor`: the level of each check, the command that repairs it, and the exit code."""

import re
import shutil
from pathlib import Path

import pytest

from cli.commands.archive.doctor import _check_views, _distributions_with
from cli.commands.archive.doctor_of_crawls import check_disk
from projector import kept_answers
from projector.update import check
from tests.cli.conftest import WRITER
from tests.cli.making import hindlog
from tests.projector.logs import Page, Seen, hours, write_log

FIRST = f"openrouter/2026-11-01/00-{WRITER}-000"


def levels(out: str) -> list[str]:
    return re.findall(r"^(OK|WARN|FAIL) ", out, flags=re.MULTILINE)


def test_doctor_exits_with_0_if_every_check_passes(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDLOG_CIVITAI_API_KEY", "secret")
    done = hindlog("doctor", at=shared)

    assert (done.code, done.err) == (0, "")
    assert levels(done.out) == ["OK"] * 7
    assert "keys for: civitai\n" in done.out
    assert re.search(
        r"OK    6 segments; no file and no seq is missing; today's sample of \d is intact", done.out
    )
    assert "secret" not in done.out
    assert "keys for: none" not in done.out


def test_doctor_without_an_archive_warns_and_exits_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = hindlog("doctor")

    assert (done.code, levels(done.out)) == (0, ["OK", "OK", "WARN"])
    assert done.out.endswith("\n      hindlog init\n")


def test_doctor_exits_with_1_and_names_the_next_command_if_the_log_is_damaged(
    archive: Path,
) -> None:
    (archive / "log" / f"{FIRST}.ndjson.zst").unlink()
    done = hindlog("doctor", at=archive)

    assert done.code == 1
    assert "FAIL  the log is damaged in 1 places\n      hindlog verify\n" in done.out
    assert levels(done.out)[-1] == "OK"


def test_doctor_continues_after_an_invalid_configuration(archive: Path) -> None:
    (archive / "hindlog.toml").write_text("x = 1\n")
    done = hindlog("doctor", at=archive)

    assert (done.code, levels(done.out)) == (1, ["OK", "OK", "FAIL", "OK", "OK", "OK"])
    assert "x: unknown key" in done.out


def test_doctor_warns_about_missing_views_and_fails_for_damaged_ones(
    archive: Path,
) -> None:
    for part in (archive / "views" / "parts" / "openrouter").rglob("2*.parquet"):
        part.unlink()
    damaged = hindlog("doctor", at=archive)
    shutil.rmtree(archive / "views")
    missing = hindlog("doctor", at=archive)

    assert (damaged.code, levels(damaged.out)[-1]) == (1, "FAIL")
    assert (missing.code, levels(missing.out)[-1]) == (0, "WARN")
    assert missing.out.endswith("      hindlog view update\n")


def test_unchanged_views_are_checked_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_answers, "SETTLED_US", 0)
    first = list(_check_views(archive))
    with monkeypatch.context() as patch:
        patch.setattr(check, "count_misfits", None)
        again = list(_check_views(archive))
    part = next((archive / "views" / "parts" / "openrouter").rglob("2*.parquet"))
    data = part.read_bytes()
    part.unlink()  # a link: other tests use the file
    part.write_bytes(data[:-1])
    damaged, damaged_again = list(_check_views(archive)), list(_check_views(archive))

    assert first == again == [("OK", "the views open, and every file they read exists", None)]
    assert damaged == damaged_again
    assert [level for level, _, _ in damaged] == ["FAIL"]
    assert part.name in damaged[0][1]


@pytest.mark.parametrize(
    ("reserves", "level", "hint"),
    [
        (8, "OK", None),
        (2, "WARN", "make room on this disk"),
        (0.5, "FAIL", "make room on this disk"),
    ],
)
def test_doctor_compares_the_free_space_with_the_reserve_that_the_log_needs(
    tmp_path: Path,
    reserves: float,
    level: str,
    hint: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reserve = shutil.disk_usage(tmp_path).free / reserves
    monkeypatch.setattr("eventlog.files.disk.RESERVE_BYTES", reserve)
    (diagnosis,) = check_disk(tmp_path)

    assert (diagnosis[0], diagnosis[2]) == (level, hint)
    assert diagnosis[1].endswith(" MiB free")


def test_the_distributions_that_contain_a_file_are_found() -> None:
    assert _distributions_with("no/such/file.py") == []
    assert len(_distributions_with("click/__init__.py")) == 1


@pytest.mark.slow
def test_doctor_warns_of_rows_that_are_not_shown_in_full(tmp_path: Path) -> None:
    seen = [Seen("model", id, {"id": id, "name": "n"}) for id in ("7", "m-2")]
    hindlog("init", tmp_path)
    write_log(tmp_path, "civitai", WRITER, [Page(hours(0), seen)])
    assert hindlog("view", "update", at=tmp_path).code == 0
    done = hindlog("doctor", at=tmp_path)

    assert (done.code, levels(done.out)) == (
        0,
        ["OK", "OK", "OK", "OK", "OK", "WARN", "OK", "OK", "WARN"],
    )
    query = "FROM civitai.models SELECT _id, _errors WHERE len(_errors) > 0"
    assert done.out.endswith(
        "WARN  civitai.models: 1 row with values that do not fit their columns, which are NULL "
        f'there\n      hindlog sql "{query}"\n'
    )
