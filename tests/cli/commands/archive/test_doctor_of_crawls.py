"""What `doctor` says of sources, of the process that crawls, of imports and of growth."""

import os
from pathlib import Path

import pytest

from cli.commands.archive.doctor_of_crawls import check_crawls, check_disk, check_upstreams
from cli.program import cli
from eventlog.clock import DAY, HOUR, now_us
from eventlog.files.disk import RESERVE_BYTES
from eventlog.files.writer_ids import FETCH, writer_id
from eventlog.format.event import Draft
from eventlog.format.paths import log_dir
from eventlog.write.writer import append, close_stream, open_stream
from projector.update.last_update import record_path
from projector.update.update import update
from tests.cli.making import hindlog
from tests.projector.logs import Page, Seen, write_log
from tests.projector.projections import MODELS


def crawl_checks(root: Path) -> list[tuple[str, str, str | None]]:
    with cli.make_context("hindlog", ["doctor"]):
        return list(check_crawls(root))


def test_a_source_that_was_never_crawled_is_named_with_the_command(empty: Path) -> None:
    now = now_us()
    page = Page(now - HOUR, [Seen("model", "a", {"id": "a"})], "r", "/models", 1, True)
    write_log(empty, "openrouter", "0a0b0c0d", [page])

    assert crawl_checks(empty) == [
        ("WARN", "civitai was never crawled", "hindlog fetch run civitai --once"),
        ("OK", "no fetch run is running", None),
    ]


def test_the_process_that_crawls_is_named(empty: Path) -> None:
    now = now_us()
    stream = open_stream(empty, "civitai", writer_id(empty, FETCH, "here"), clock=lambda: now)
    append(
        stream, [lambda _seq, _at: [Draft(kind="run", run="r", members={"state": "created"})]], now
    )
    texts = [text for _, text, _ in crawl_checks(empty)]
    close_stream(stream)

    assert (
        f"fetch run is crawling civitai since {stamp(now)}Z: process {os.getpid()} on" in texts[1]
    )


def stamp(at: int) -> str:
    from eventlog.clock import format_us

    return format_us(at)[:16]


def test_an_interrupted_group_of_an_import_is_a_warning(archive: Path) -> None:
    (log_dir(archive) / "openrouter" / ".0a0b0c0d.group").mkdir()

    assert crawl_checks(archive)[-1] == (
        "WARN",
        "an import of openrouter was interrupted: a part of it is not in the log",
        "run the same fetch import again",
    )


def test_growth_that_fills_the_disk_soon_is_a_warning(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(now_us() - DAY, [Seen("model", "a", {"id": "a"})], "r", "/models", 1, True)
    write_log(empty, "openrouter", "0a0b0c0d", [page])
    ((level, text, hint),) = check_disk(empty)
    assert level == "OK" and "; the log grows by " in text
    growth = sum(path.stat().st_size for path in empty.rglob("*.zst"))
    usage = type("Usage", (), {"free": RESERVE_BYTES * 5})
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    monkeypatch.setattr("cli.commands.archive.doctor_of_crawls._FEW_DAYS", 10**9)
    ((level, _, hint),) = check_disk(empty)

    assert growth > 0
    assert (level, hint) == ("WARN", "make room on this disk")


def test_views_that_are_behind_are_a_warning(empty: Path) -> None:
    seen = Seen("model", "a", {"id": "a"})
    now = now_us()
    write_log(empty, "openrouter", "0a0b0c0d", [Page(now - 9 * HOUR, [seen], "r", "/m", 1, True)])
    update(empty, definitions=MODELS)
    write_log(empty, "openrouter", "0a0b0c0d", [Page(now - 2 * HOUR, [seen], "s", "/m", 1, True)])
    at = (now - 3 * HOUR) * 1000
    os.utime(record_path(empty), ns=(at, at))

    out = hindlog("doctor", at=empty).out
    assert "WARN  the views are behind the log: updated 3 hours ago, 1 segment behind\n" in out
    assert out.endswith("      hindlog view update\n")


def test_an_upstream_that_does_not_answer_is_a_failure_that_shows_no_key(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CIVITAI", "OPENROUTER"):
        monkeypatch.setenv(f"HINDLOG_{name}_BASE_URL", "http://127.0.0.1:9")
        monkeypatch.setenv(f"HINDLOG_{name}_API_KEY", "very-secret")
    with cli.make_context("hindlog", ["doctor"]):
        checks = list(check_upstreams(empty))

    assert [level for level, _, _ in checks] == ["FAIL", "FAIL"]
    assert checks[1][1].startswith("http://127.0.0.1:9/api/v1/providers: ")
    assert checks[0][1].startswith("http://127.0.0.1:9/models?limit=1&")
    assert "very-secret" not in str(checks)
