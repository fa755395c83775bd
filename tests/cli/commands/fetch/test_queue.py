"""The queue: `fetch add`, `list`, `cancel`, `retry`, `clean` and `probe`."""

from pathlib import Path

import pytest

from tests.cli.making import events, hindlog, new_archive, spelled
from tests.cli.upstream import models, toml_of, upstream


def added(*arguments: str, at: Path) -> str:
    """Queues a run with `fetch add`; returns its id."""
    done = hindlog("fetch", "add", *arguments, at=at)
    assert done.code == 0, done.err
    return done.out.strip()


def queued(at: Path, *arguments: str) -> list[dict[str, object]]:
    """Returns the rows of `fetch list`."""
    listed = hindlog("fetch", "list", "--json", *arguments, at=at).json()
    return list(listed)


def test_add_prints_the_run_on_stdout_and_its_url_on_stderr(empty: Path) -> None:
    done = hindlog("fetch", "add", "openrouter", "models", at=empty)

    assert done.code == 0
    assert done.out.count("\n") == 1
    assert ".models." in done.out
    assert done.err == "queued: https://openrouter.ai/api/v1/models\n"
    assert [row["run"] for row in queued(empty)] == [done.out.strip()]


def test_add_stores_limit_priority_and_parameters(empty: Path) -> None:
    added("civitai", "models", at=empty)
    run = added(
        *("civitai", "images-of-model", "4384", "--limit", "500", "--priority", "2000"),
        *("--param", "a=b=c", "--param", "sort=Oldest"),
        at=empty,
    )
    first, second = queued(empty)

    assert (first["run"], first["target"], first["priority"]) == (run, 500, 2000)
    assert "modelId=4384" in str(first["url"])
    assert "sort=Oldest" in str(first["url"])
    assert "a=b%3Dc" in str(first["url"])
    assert (second["target"], second["priority"], second["state"]) == (None, 1000, "pending")


def test_add_recognizes_the_source_of_a_url(empty: Path) -> None:
    added("https://civitai.com/api/v1/models?limit=5", at=empty)
    added("https://openrouter.ai/api/v1/models", at=empty)

    assert [row["source"] for row in queued(empty)] == ["civitai", "openrouter"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("https://openrouter.ai.evil.example/api/v1/models",), "no source has this address"),
        (("nosuch", "models"), "source 'nosuch': expected one of civitai, openrouter"),
        (("civitai", "nosuch"), "civitai has no listing and no template 'nosuch'"),
        (("civitai", "models", "extra"), "civitai has no template 'models'"),
        (("civitai", "models", "--param", "x"), "--param: expected name=value, found 'x'"),
        (("civitai", "models", "--param", "1=x"), "expected name=value, found '1=x'"),
        (("civitai", "models", "--limit", "0"), "--limit"),
        (("civitai", "models", "--priority", "high"), "--priority"),
    ],
    ids=spelled,
)
def test_add_refuses_invalid_arguments_and_queues_nothing(
    empty: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = hindlog("fetch", "add", *arguments, at=empty)

    assert (done.code, done.raw) == (2, b"")
    assert message in done.err
    assert queued(empty) == []


def test_an_added_run_is_crawled_by_the_next_sync_up_to_its_limit(tmp_path: Path) -> None:
    with upstream(models) as (origin, requests):
        root = new_archive(tmp_path / "archive", toml_of(origin, "[]"))
        run = added("civitai", "models", "--limit", "1", at=root)
        hindlog("fetch", "run", "--for", "0s", at=root)
        toml = toml_of(origin).replace('listings = ["models"]\n', "")
        (root / "hindlog.toml").write_text(toml)
        hindlog("fetch", "run", "--once", at=root)
        tasks = queued(root, "--state", "completed")

    assert run in [row["run"] for row in tasks]
    assert requests
    assert {row["pages"] for row in tasks if row["run"] == run} == {1}


def test_cancel_retry_and_clean_report_their_effect(empty: Path) -> None:
    run = added("civitai", "models", at=empty)
    url = queued(empty)[0]["url"]
    cancelled = hindlog("fetch", "cancel", run[:-3], at=empty)
    twice = hindlog("fetch", "cancel", run, at=empty)
    states = [row["state"] for row in queued(empty)]
    retried = hindlog("fetch", "retry", run, at=empty)
    pending = hindlog("fetch", "retry", run, at=empty)
    kept = hindlog("fetch", "clean", at=empty)
    hindlog("fetch", "cancel", run, at=empty)
    cleaned = hindlog("fetch", "clean", at=empty)

    assert (cancelled.code, cancelled.err) == (0, f"cancelled: {run}, after 0 pages\n")
    assert (twice.code, twice.err) == (
        2,
        f"hindlog: run {run} is cancelled\n  hindlog fetch list\n",
    )
    assert states == ["cancelled"]
    assert (retried.code, retried.err) == (0, f"queued again: {run}, at {url}\n")
    assert (pending.code, pending.err.splitlines()[0]) == (2, f"hindlog: run {run} is pending")
    assert (kept.code, kept.err) == (0, "0 finished runs removed from the queue\n")
    assert (cleaned.code, cleaned.err) == (0, "1 finished runs removed from the queue\n")
    assert queued(empty) == []
    assert all(done.raw == b"" for done in (cancelled, twice, retried, pending, kept, cleaned))


@pytest.mark.parametrize("command", ["cancel", "retry"])
def test_an_unknown_run_exits_with_6(shared: Path, command: str) -> None:
    done = hindlog("fetch", command, "nosuch", at=shared)

    assert (done.code, done.raw) == (6, b"")
    assert done.err == "hindlog: run nosuch: no such run\n  hindlog fetch list\n"


def test_list_prints_the_runs_in_the_given_states(empty: Path) -> None:
    cancelled = added("civitai", "models", at=empty)
    pending = added("openrouter", "models", at=empty)
    hindlog("fetch", "cancel", cancelled, at=empty)

    assert [row["run"] for row in queued(empty)] == [cancelled, pending]
    assert [row["run"] for row in queued(empty, "--state", "pending")] == [pending]
    assert [row["run"] for row in queued(empty, "--state", "cancelled")] == [cancelled]
    both = queued(empty, "--state", "cancelled", "--state", "pending")
    assert [row["run"] for row in both] == [cancelled, pending]
    invalid = hindlog("fetch", "list", "--state", "done", at=empty)
    assert (invalid.code, invalid.raw) == (2, b"")
    assert "expected one of pending, in progress, completed, failed, cancelled" in invalid.err


def test_probe_shows_how_a_response_is_split_and_writes_nothing(tmp_path: Path) -> None:
    with upstream(models) as (origin, requests):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        done = hindlog("fetch", "probe", f"{origin}/models?limit=3", at=root)

    assert (done.code, requests) == (0, ["/models?limit=3"])
    assert done.rows[0] == ["type", "id", "shape", "pointer", "bytes"]
    assert [row[:2] for row in done.rows[1:]] == [["model", str(n)] for n in (1, 2, 3)]
    assert [row[3] for row in done.rows[1:]] == ["/items"] * 3
    assert done.err.startswith("200, ")
    assert done.err.endswith(" ms, /models\n")
    assert list((root / "log").iterdir()) == []


def test_probe_of_a_response_that_cannot_be_split_exits_with_2(tmp_path: Path) -> None:
    with upstream(lambda origin, path: (200, b"<html>")) as (origin, _):
        root = new_archive(tmp_path / "archive", toml_of(origin))
        no_json = hindlog("fetch", "probe", f"{origin}/models", at=root)
        elsewhere = hindlog("fetch", "probe", "http://127.0.0.1:9/models", at=root)
        unknown = hindlog("fetch", "probe", f"{origin}/no/such/endpoint", at=root)

    assert (no_json.code, elsewhere.code, unknown.code) == (2, 2, 2)
    assert f"{origin}/models: the response cannot be split: " in no_json.err
    assert "no source has this address" in elsewhere.err
    assert f"civitai: {origin}" in elsewhere.err
    assert no_json.raw == elsewhere.raw == unknown.raw == b""


def test_queue_commands_are_events_of_the_log(empty: Path) -> None:
    run = added("civitai", "models", at=empty)
    hindlog("fetch", "cancel", run, at=empty)

    run_events = events(hindlog("log", "--kind", "run", at=empty))
    assert [(event["run"], event["state"]) for event in run_events] == [
        (run, "created"),
        (run, "cancelled"),
    ]
