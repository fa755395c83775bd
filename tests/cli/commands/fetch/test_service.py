"""The service behind `fetch run`: its end after a duration or a signal."""

import os
import signal
from pathlib import Path
from threading import Barrier

import pytest

from eventlog.files.writer_ids import FETCH, machine_name, writer_id
from eventlog.write.writer import close_stream, open_stream
from tests.cli.making import hindlog, new_archive
from tests.cli.upstream import item, models, toml_of, upstream


def test_the_service_stops_after_its_duration_with_0(tmp_path: Path) -> None:
    root = new_archive(tmp_path / "archive", toml_of("http://127.0.0.1:9"))
    done = hindlog("fetch", "run", "--for", "0s", at=root)

    assert (done.code, done.raw) == (0, b"")
    forecast, *lines = done.err.splitlines()
    assert forecast.startswith("civitai: about 200 requests")
    assert lines == [
        "serving civitai; Ctrl-C finishes the current page and stops",
        "civitai: first sync, starting now",
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
    assert f", {pages} response{'s' * (pages > 1)}, {3 * pages} entities" in lines[3]
    assert lines[4:] == ["stopped; everything fetched is on disk"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stopped_sync_finishes_the_current_page_of_each_source_and_keeps_the_rest(
    tmp_path: Path, number: int, code: int
) -> None:
    def answer(origin: str, path: str) -> tuple[int, object]:
        if len(asked) == 1:
            os.kill(os.getpid(), number)
        return models(origin, path)

    with upstream(answer) as (origin, asked):
        toml = toml_of(origin).replace("enabled = false", f'base_url = "{origin}"')
        done = hindlog("fetch", "run", "--once", at=new_archive(tmp_path / "archive", toml))

    assert (done.code, len(asked) in (1, 2)) == (code, True)
    assert done.err.splitlines()[-1] == (
        "stopped; what was fetched is on disk, and the next fetch run continues with the rest"
    )
    runs = hindlog("fetch", "list", "--state", "pending", "--json", at=tmp_path / "archive").json()
    assert {"civitai", "openrouter"} >= {run["source"] for run in runs} != set()


def test_one_sync_crawls_the_sources_side_by_side(tmp_path: Path) -> None:
    """Each upstream answers its first request only when the other one has been asked, too."""
    both = Barrier(2, timeout=60)

    def answer(origin: str, path: str) -> tuple[int, object]:
        if path.startswith(("/models", "/api/v1/models")):
            both.wait()
        return 200, {"items": [item(1)], "data": [], "metadata": {}}

    with upstream(answer) as (origin, _):
        toml = toml_of(origin).partition("[source.openrouter]")[0]
        toml += f'[source.openrouter]\nbase_url = "{origin}"\nlistings = ["models"]\n'
        done = hindlog("fetch", "run", "--once", at=new_archive(tmp_path / "archive", toml))

    assert done.code == 0
    assert {line.split()[0] for line in done.err.splitlines()[2:]} == {"civitai", "openrouter"}


def test_the_error_of_one_source_does_not_stop_the_others_and_decides_the_exit_code(
    tmp_path: Path,
) -> None:
    with upstream(models) as (origin, asked):
        toml = toml_of(origin).replace("enabled = false", f'base_url = "{origin}"')
        root = new_archive(tmp_path / "archive", toml)
        stream = open_stream(root, "openrouter", writer_id(root, FETCH, machine_name(os.environ)))
        try:
            done = hindlog("fetch", "run", "--once", at=root)
        finally:
            close_stream(stream)

    assert done.code == 11
    assert len(asked) == 2
    assert "civitai models: completed, 2 responses" in done.err
