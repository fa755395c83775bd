"""`fetch run`: what is crawled, what it prints, and the exit code of what came of it."""

import os
import signal
from pathlib import Path

import pytest

from cli.commands.fetch.sources import bounds_of, upstream_of
from cli.commands.fetch.sync_report import listing_line, sync_exit_code
from cli.config.settings import SOURCE_DEFAULTS, Config, SourceSettings
from fetcher.crawl.report import ListingReport
from tests.cli.making import events, hindlog, new_archive
from tests.cli.upstream import Answer, half, models, refusing, toml_of, upstream


def report(state: str, pages: int = 0, why: str | None = None) -> ListingReport:
    return ListingReport(listing="models", run="r", state=state, pages=pages, why=why)


DONE = report("completed", 3)
PARTIAL = report("partial", 3, "server: 500")
REFUSED = report("failed", 0, "refused: status 403")
BUSY = report("failed", 0, "throttled: status 429")
ODD = report("failed", 0, "too_large: 1 GB")


@pytest.mark.parametrize(
    ("listings", "code"),
    [
        ((), 0),
        ((DONE,), 0),
        ((DONE, DONE), 0),
        ((PARTIAL,), 3),
        ((report("failed", 1, "refused: status 403"),), 3),
        ((DONE, REFUSED), 3),
        ((DONE, BUSY), 3),
        ((REFUSED,), 5),
        ((report("failed", 0, "region: status 451"),), 5),
        ((REFUSED, BUSY), 5),
        ((BUSY,), 7),
        ((BUSY, ODD), 7),
        *(
            ((report("failed", 0, f"{name}: x"),), 7)
            for name in ("connect", "timeout", "broken", "throttled", "server", "wall", "not_json")
        ),
        ((ODD,), 3),
        ((report("started"),), 3),
        ((report("failed"),), 3),
    ],
)
def test_the_exit_code_of_a_sync_says_what_came_of_all_its_listings(
    listings: tuple[ListingReport, ...], code: int
) -> None:
    assert sync_exit_code(listings) == code


def test_the_line_of_a_listing_gives_its_counts_and_what_went_wrong() -> None:
    plain = ListingReport(
        listing="models", run="r", state="completed", pages=2, entities=9, stored=4, unchanged=5
    )
    bad = ListingReport(
        listing="", run="r7", state="partial", anomalies=1, failures=2, splitters_lost=1, why="w"
    )

    assert listing_line("civitai", plain) == (
        "civitai models: completed, 2 responses, 9 entities (4 new or changed, 5 unchanged)"
    )
    assert listing_line("civitai", bad) == (
        "civitai r7: partial, 0 responses, 0 entities (0 new or changed, 0 unchanged); "
        "1 anomalies; 2 given up; a process that takes pages apart ended early, and was done "
        "without; w"
    )


@pytest.mark.parametrize(
    ("answer", "code", "line"),
    [
        (models, 0, "civitai models: completed, 2 responses, 6 entities (6 new or changed, 0 un"),
        (
            half,
            3,
            "civitai models: partial, 1 responses, 3 entities (3 new or changed, 0 unchanged",
        ),
        (refusing, 5, "civitai models: failed, 0 responses, 0 entities (0 new or changed, 0 unch"),
    ],
)
def test_one_sync_ends_with_the_code_of_its_outcome_and_a_line_a_listing(
    tmp_path: Path, answer: Answer, code: int, line: str
) -> None:
    with upstream(answer) as (origin, _):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        done = hindlog("fetch", "run", "--once", at=root)

    assert (done.code, done.raw) == (code, b"")
    assert done.err.startswith(line)
    assert done.err.count("\n") == 1
    assert ("refused" in done.err) == (code != 0)


def test_a_source_that_is_refused_counts_also_where_the_next_one_is_complete(
    tmp_path: Path,
) -> None:
    def answer(origin: str, path: str) -> tuple[int, object]:
        return (200, {"data": []}) if path.startswith("/api") else (403, {"error": "no"})

    with upstream(answer) as (origin, _):
        toml = toml_of(origin).partition("[source.openrouter]")[0]
        toml += f'[source.openrouter]\nbase_url = "{origin}"\nlistings = ["models"]\n'
        root = new_archive(tmp_path / "archive", toml)
        both = hindlog("fetch", "run", "--once", at=root)
        one = hindlog("fetch", "run", "--once", "openrouter", at=root)

    assert (both.code, one.code) == (5, 0)
    assert [line.split()[0] for line in both.err.splitlines()] == ["civitai", "openrouter"]
    assert one.err.startswith("openrouter models: completed, 1 responses")


def test_a_limit_stops_a_listing_after_the_page_that_reaches_it(tmp_path: Path) -> None:
    with upstream(models) as (origin, asked):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        done = hindlog("fetch", "run", "--once", "--limit", "2", at=root)

    assert len(asked) == 1
    assert "1 responses, 3 entities" in done.err
    assert len(events(hindlog("log", "--kind", "entity", at=root))) == 3


def test_settings_of_a_source_reach_the_crawl(tmp_path: Path) -> None:
    with upstream(models) as (origin, asked):
        toml = toml_of(origin, more="max_requests_per_sync = 1\n")
        root = new_archive(tmp_path / "archive", toml)
        bounded = hindlog("fetch", "run", "--once", at=root)
        told = hindlog("fetch", "run", "--once", "--quiet", at=root)

    assert len(asked) == 2
    assert bounded.code != 0
    assert (told.err, told.raw) == ("", b"")


def test_how_a_source_is_reached_comes_from_its_settings_and_the_key_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine = SourceSettings("https://x.example", "5 * * * *", True, 7, 3, 9, 1.5)
    settings = Config(source={**SOURCE_DEFAULTS, "civitai": mine})
    monkeypatch.setenv("HINDLOG_CIVITAI_API_KEY", "secret")
    found, other = upstream_of(settings, "civitai"), upstream_of(settings, "openrouter")

    assert (found.base_url, found.key) == ("https://x.example", "secret")
    assert (found.requests_per_minute, found.concurrency) == (7, 3)
    assert bounds_of(settings, "civitai", limit=None).max_requests == 9
    assert found.limits.total_s == 1.5
    assert (other.base_url, other.key) == ("https://openrouter.ai", None)


def test_a_dry_run_prints_the_requests_and_makes_none(tmp_path: Path) -> None:
    with upstream(models) as (origin, asked):
        root = new_archive(tmp_path / "archive", toml_of(origin, '["models", "images"]'))
        done = hindlog("fetch", "run", "--once", "--dry-run", at=root)

    assert (done.code, done.err, asked) == (0, "", [])
    assert done.rows[0] == ["source", "listing", "url", "follows", "next_slot"]
    assert [row[:2] for row in done.rows[1:]] == [["civitai", "models"], ["civitai", "images"]]
    assert done.rows[1][2].startswith(f"{origin}/models")
    assert [row[4][13:] for row in done.rows[1:]] == [":05:00Z", ":05:00Z"]
    assert list((root / "log").iterdir()) == []


def test_a_dry_run_names_the_listings_that_follow_and_their_path(empty: Path) -> None:
    done = hindlog("fetch", "run", "openrouter", "--once", "--dry-run", at=empty)
    rows = {row[1]: row for row in done.rows[1:]}

    assert {row[0] for row in rows.values()} == {"openrouter"}
    assert rows["models"][2:4] == ["https://openrouter.ai/api/v1/models", ""]
    assert rows["endpoints"][2:4] == [
        "/api/v1/models/:author/:slug/endpoints",
        "models, models-all",
    ]


def test_sources_that_are_switched_off_are_crawled_only_when_they_are_named(
    tmp_path: Path,
) -> None:
    toml = "[source.civitai]\nenabled = false\n"
    root = new_archive(tmp_path / "archive", toml)
    default = hindlog("fetch", "run", "--once", "--dry-run", at=root)
    named = hindlog("fetch", "run", "civitai", "--once", "--dry-run", at=root)

    assert {row[0] for row in default.rows[1:]} == {"openrouter"}
    assert {row[0] for row in named.rows[1:]} == {"civitai"}


def test_the_service_stops_after_its_duration_with_0(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "archive", toml_of("http://127.0.0.1:9"))
    done = hindlog("fetch", "run", "--for", "0s", at=root)

    assert (done.code, done.raw) == (0, b"")
    assert done.err.splitlines() == [
        "serving civitai; Ctrl-C finishes the page under way and stops",
        "stopped; everything fetched is on disk",
    ]


@pytest.mark.parametrize(
    ("number", "code", "limit", "pages"),
    [(signal.SIGTERM, 0, (), 2), (signal.SIGINT, 130, ("--limit", "1"), 1)],
)
def test_the_service_finishes_its_page_and_ends_with_the_code_of_the_signal(
    tmp_path: Path, number: int, code: int, limit: tuple[str, ...], pages: int
) -> None:
    def answer(origin: str, path: str) -> tuple[int, object]:
        if len(asked) == pages:
            os.kill(os.getpid(), number)
        return models(origin, path)

    with upstream(answer) as (origin, asked):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        hindlog("fetch", "add", "civitai", "models", *limit, at=root)
        done = hindlog("fetch", "run", at=root)

    assert (done.code, done.raw, len(asked)) == (code, b"", pages)
    lines = done.err.splitlines()
    assert f", {pages} responses, {3 * pages} entities" in lines[1]
    assert lines[2:] == ["stopped; everything fetched is on disk"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_sync_that_is_stopped_says_so_and_leaves_the_next_source_alone(
    tmp_path: Path, number: int, code: int
) -> None:
    def answer(origin: str, path: str) -> tuple[int, object]:
        os.kill(os.getpid(), number)
        return models(origin, path)

    with upstream(answer) as (origin, asked):
        toml = toml_of(origin).replace("enabled = false", f'base_url = "{origin}"')
        done = hindlog("fetch", "run", "--once", at=new_archive(tmp_path / "archive", toml))

    assert (done.code, len(asked)) == (code, 1)
    assert done.err.splitlines()[-1] == (
        "stopped; what was fetched is on disk, and the next fetch run goes on with the rest"
    )
    assert "openrouter" not in done.err
    runs = hindlog("fetch", "list", "--json", at=tmp_path / "archive").json()
    assert {run["source"] for run in runs} == {"civitai"}


def test_the_key_of_the_environment_goes_to_upstream_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDLOG_CIVITAI_API_KEY", "s3cret")
    keys: list[str] = []
    with upstream(models, keys) as (origin, _):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        done = hindlog("fetch", "run", "--once", at=root)
        probed = hindlog("fetch", "probe", f"{origin}/models", at=root)

    assert keys == ["Bearer s3cret"] * 3
    assert "s3cret" not in done.err + probed.err + probed.out
    assert b"s3cret" not in b"".join(
        path.read_bytes() for path in root.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--for", "tomorrow"), "'tomorrow' is not a valid duration"),
        (("--limit", "0"), "--limit"),
        (("nosuch",), "source 'nosuch': expected one of civitai, openrouter\n"),
        (("nosuch", "--once", "--dry-run"), "hindlog fetch run --help"),
    ],
)
def test_fetch_run_refuses_what_it_does_not_know(
    empty: Path, arguments: tuple[str, ...], word: str
) -> None:
    done = hindlog("fetch", "run", *arguments, at=empty)

    assert (done.code, done.raw) == (2, b"")
    assert word in done.err
