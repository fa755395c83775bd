"""The service behind `fetch run`: its end after a duration or a signal."""

import os
import signal
from pathlib import Path

import pytest

from tests.cli.making import hindlog, new_archive
from tests.cli.upstream import models, toml_of, upstream


def test_the_service_stops_after_its_duration_with_0(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "archive", toml_of("http://127.0.0.1:9"))
    done = hindlog("fetch", "run", "--for", "0s", at=root)

    assert (done.code, done.raw) == (0, b"")
    assert done.err.splitlines() == [
        "serving civitai; Ctrl-C finishes the current page and stops",
        "stopped; everything fetched is on disk",
    ]


@pytest.mark.parametrize(
    ("number", "code", "limit", "pages"),
    [(signal.SIGTERM, 0, (), 2), (signal.SIGINT, 130, ("--limit", "1"), 1)],
)
def test_the_service_finishes_its_page_and_exits_with_the_code_of_the_signal(
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
def test_a_stopped_sync_prints_that_and_does_not_start_the_next_source(
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
        "stopped; what was fetched is on disk, and the next fetch run continues with the rest"
    )
    assert "openrouter" not in done.err
    runs = hindlog("fetch", "list", "--json", at=tmp_path / "archive").json()
    assert {run["source"] for run in runs} == {"civitai"}
