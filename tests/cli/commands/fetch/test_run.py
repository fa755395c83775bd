"""`fetch run --once` and `--dry-run`: requests, messages and exit codes."""

from pathlib import Path

import pytest

from tests.cli.making import events, hindlog, new_archive
from tests.cli.upstream import Answer, half, models, refusing, toml_of, upstream


@pytest.mark.parametrize(
    ("answer", "code", "line"),
    [
        (models, 0, "civitai models: completed, 2 responses, 6 entities;"),
        (
            half,
            3,
            "civitai models: partial, 1 response, 3 entities;",
        ),
        (refusing, 5, "civitai models: failed, 0 responses, 0 entities;"),
    ],
)
def test_a_sync_exits_with_the_code_of_its_result_and_prints_a_line_per_listing(
    tmp_path: Path, answer: Answer, code: int, line: str
) -> None:
    with upstream(answer) as (origin, _):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        done = hindlog("fetch", "run", "--once", at=root)

    assert (done.code, done.raw) == (code, b"")
    forecast, result = done.err.splitlines()
    assert forecast.startswith(
        "civitai: about 200 requests, without a rate limit; models: no known"
    )
    assert result.startswith(line)
    assert ("refused" in done.err) == (code != 0)


def test_a_refused_source_beside_a_complete_one_is_a_part_of_the_sync(
    tmp_path: Path,
) -> None:
    def answer(origin: str, path: str) -> tuple[int, object]:
        return (200, {"data": []}) if path.startswith("/api") else (403, {"error": "no"})

    with upstream(answer) as (origin, _):
        toml = toml_of(origin).partition("[source.openrouter]")[0]
        toml += f'[source.openrouter]\nbase_url = "{origin}"\nlistings = ["models"]\n'
        root = new_archive(tmp_path / "archive", toml)
        both = hindlog("fetch", "run", "--once", at=root)
        single = hindlog("fetch", "run", "--once", "openrouter", at=root)

    assert (both.code, single.code) == (3, 0)
    assert {line.split()[0] for line in both.err.splitlines()[2:]} == {"civitai", "openrouter"}
    assert single.err.splitlines()[1].startswith("openrouter models: completed, 1 response")


def test_a_limit_stops_a_listing_after_the_page_that_reaches_it(tmp_path: Path) -> None:
    with upstream(models) as (origin, asked):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        done = hindlog("fetch", "run", "--once", "--limit", "2", at=root)

    assert len(asked) == 1
    assert "1 response, 3 entities" in done.err
    assert len(events(hindlog("log", "--kind", "entity", at=root))) == 3


def test_the_settings_of_a_source_limit_its_crawl(tmp_path: Path) -> None:
    with upstream(models) as (origin, asked):
        toml = toml_of(origin, more="max_requests_per_sync = 1\n")
        root = new_archive(tmp_path / "archive", toml)
        bounded = hindlog("fetch", "run", "--once", at=root)
        quiet = hindlog("fetch", "run", "--once", "--quiet", at=root)

    assert len(asked) == 2
    assert bounded.code != 0
    assert (quiet.err, quiet.raw) == ("", b"")


def test_a_dry_run_prints_the_requests_and_makes_none(tmp_path: Path) -> None:
    with upstream(models) as (origin, asked):
        root = new_archive(tmp_path / "archive", toml_of(origin, '["models", "images"]'))
        done = hindlog("fetch", "run", "--once", "--dry-run", at=root)

    assert (done.code, asked) == (0, [])
    assert done.err == (
        "civitai: about 300 requests, without a rate limit; "
        "models, images: no known end, bounded at 20,000 entities\n"
    )
    assert done.rows[0] == [
        *("source", "listing", "url", "follows", "next_slot", "requests", "basis")
    ]
    assert [row[:2] for row in done.rows[1:]] == [["civitai", "models"], ["civitai", "images"]]
    assert done.rows[1][2].startswith(f"{origin}/models")
    assert [row[4][13:] for row in done.rows[1:]] == [":05:00Z", ":05:00Z"]
    assert list((root / "log").iterdir()) == []


def test_a_dry_run_prints_the_path_of_follow_up_requests_and_the_listings_they_follow(
    empty: Path,
) -> None:
    done = hindlog("fetch", "run", "openrouter", "--once", "--dry-run", at=empty)
    rows = {row[1]: row for row in done.rows[1:]}

    assert {row[0] for row in rows.values()} == {"openrouter"}
    assert rows["models"][2:4] == ["https://openrouter.ai/api/v1/models", ""]
    assert rows["endpoints"][2:4] == [
        "/api/v1/models/:author/:slug/endpoints",
        "models, models-all",
    ]


def test_disabled_sources_are_crawled_only_if_they_are_named(
    tmp_path: Path,
) -> None:
    toml = "[source.civitai]\nenabled = false\n"
    root = new_archive(tmp_path / "archive", toml)
    default = hindlog("fetch", "run", "--once", "--dry-run", at=root)
    named = hindlog("fetch", "run", "civitai", "--once", "--dry-run", at=root)

    assert {row[0] for row in default.rows[1:]} == {"openrouter"}
    assert {row[0] for row in named.rows[1:]} == {"civitai"}


def test_the_key_in_the_environment_is_sent_to_upstream_and_written_nowhere(
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
    ("arguments", "message"),
    [
        (("--for", "tomorrow"), "'tomorrow' is not a valid duration"),
        (("--limit", "0"), "--limit"),
        (("nosuch",), "source 'nosuch': expected one of civitai, openrouter\n"),
        (("nosuch", "--once", "--dry-run"), "hindlog fetch run --help"),
    ],
)
def test_fetch_run_refuses_invalid_arguments(
    empty: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = hindlog("fetch", "run", *arguments, at=empty)

    assert (done.code, done.raw) == (2, b"")
    assert message in done.err


def test_a_sync_of_configured_listings_also_works_on_what_was_queued(tmp_path: Path) -> None:
    with upstream(models) as (origin, asked):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        hindlog("fetch", "add", "civitai", "images", at=root)
        done = hindlog("fetch", "run", "--once", at=root)

    assert done.code == 0
    assert {path.partition("?")[0] for path in asked} == {"/models", "/images"}
    assert "civitai images: completed" in done.err


def test_a_host_that_is_down_and_answers_again_is_two_lines(tmp_path: Path) -> None:
    served: list[str] = []

    def answer(origin: str, path: str) -> tuple[int, object]:
        served.append(path)
        return (503, {"error": "busy"}) if len(served) <= 3 else models(origin, path)

    with upstream(answer) as (origin, _):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        done = hindlog("fetch", "run", "--once", "-vv", at=root)

    host = origin.removeprefix("http://")
    lines = [line for line in done.err.splitlines() if line.startswith(f"civitai: {host}")]
    assert done.code == 0
    assert lines[0] == (
        f"civitai: {host} does not answer (status 503); HINDLOG_CIVITAI_BASE_URL sets the address"
    )
    assert lines[1].startswith(f"civitai: {host} answers again, after ")
    assert len(lines) == 2
    assert f"GET {origin}/models" in done.err
    assert "attempt 1, server: retry, wait " in done.err
    assert "rate limit halved" in done.err
