"""Signals to commands that write: what was written is kept, what was begun is removed."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from cli.config.load import default_toml
from eventlog.clock import now_us
from fetcher.service.queue_commands import list_runs
from fetcher.simulator.app import serve
from fetcher.state.task import COMPLETED, PENDING
from projector.query.select import run_query
from projector.update.update import update
from tests.cli.making import hindlog as hindlog_here
from tests.e2e.conftest import PATIENCE_S, Begin, environment, hindlog
from tests.e2e.signalling import popen_arguments, run_with_signals, wait
from tests.projector.projections import MODELS

STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_sync_finishes_its_page_and_leaves_the_rest_in_the_queue(
    tmp_path: Path, begin: Begin, number: int, code: int
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml(["civitai"]))

    async def go() -> tuple[int, str, str]:
        requested = asyncio.Event()

        async def answer(request: web.Request) -> web.Response:
            requested.set()
            await asyncio.sleep(0.5)
            page = int(request.query.get("page", "1"))
            next_url = str(request.url.update_query(page=page + 1))
            body = {"items": [{"id": page, "name": "m"}], "metadata": {"nextPage": next_url}}
            return web.Response(text=json.dumps(body), content_type="application/json")

        app = web.Application()
        app.router.add_get("/{any:.*}", answer)
        async with serve(app, now_us) as origin:
            words = ("fetch", "run", "--once")
            started = begin(**popen_arguments(tmp_path, *words, HINDLOG_CIVITAI_BASE_URL=origin))
            await asyncio.wait_for(requested.wait(), PATIENCE_S)
            started.send_signal(number)
            return await asyncio.to_thread(wait, started)

    returned, _, err = asyncio.run(go())

    assert returned == code, err
    assert "stopped; what was fetched is on disk" in err
    log = hindlog("log", "--kind", "page", cwd=tmp_path).stdout
    assert len(log.splitlines()) >= 1
    states = {task.state for task in list_runs(tmp_path, "civitai", now_us)}
    assert PENDING in states
    assert COMPLETED not in states


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_stopped_service_prints_that_everything_is_on_disk(
    tmp_path: Path, begin: Begin, number: int, code: int
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml(["civitai"]))
    nowhere = "http://127.0.0.1:9"
    process = begin(**popen_arguments(tmp_path, "fetch", "run", HINDLOG_CIVITAI_BASE_URL=nowhere))
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    assert any(line.startswith("serving civitai") for line in lines)
    process.send_signal(number)

    returned, _, err = wait(process)
    assert returned == code, err
    assert err.endswith("stopped; everything fetched is on disk\n")


def test_stopped_sealing_finishes_the_current_stream(archive: Path) -> None:
    code = """
import os, signal, cli.main, eventlog.write.writer
seal = eventlog.write.writer.seal_idle
def seal_idle(*stream):
    os.kill(os.getpid(), signal.SIGTERM)
    return seal(*stream)
eventlog.write.writer.seal_idle = seal_idle
cli.main.main(["segment", "seal", "--all"])
"""
    before = len(list((archive / "log").rglob("*.ndjson")))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=archive,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "the others stay open: hindlog segment seal" in done.stderr
    assert 0 < len(list((archive / "log").rglob("*.ndjson"))) < before
    assert hindlog("verify", cwd=archive).returncode == 0


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_stopped_export_leaves_no_file(
    crawled: Path, tmp_path: Path, number: int, code: int
) -> None:
    to = tmp_path / "out"
    done = run_with_signals(
        "projector.query.exports.export._export_view",
        {1: number},
        "export",
        "--to",
        str(to),
        cwd=crawled,
    )

    assert done.returncode == code, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_export_removes_the_files_of_a_killed_export(crawled: Path, tmp_path: Path) -> None:
    to = tmp_path / "out"
    killed = {1: signal.SIGKILL}
    run_with_signals(
        "projector.query.exports.export._export_view",
        killed,
        "export",
        "--to",
        str(to),
        cwd=crawled,
    )
    (leftover,) = tmp_path.iterdir()
    assert re.fullmatch(r"\.out\.\d+\.tmp", leftover.name)
    assert any(leftover.iterdir())

    assert hindlog("export", "openrouter.models", "--to", str(to), cwd=crawled).returncode == 0

    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("following", [pytest.param((), marks=pytest.mark.slow), ("--follow",)])
def test_a_stopped_update_keeps_published_parts_and_the_next_one_continues(
    archive: Path, following: tuple[str, ...]
) -> None:
    query = "SELECT * FROM openrouter.models ORDER BY id"
    before = list(run_query(archive, query).rows)
    for path in sorted((archive / "views").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    stopped = {1: signal.SIGTERM}
    command = ("view", "update", "openrouter.models", *following)
    publish = "projector.engine.parquet_files.publish"
    done = run_with_signals(publish, stopped, *command, cwd=archive)

    assert done.returncode == 143, done.stderr
    assert "stopped; published parts are kept" in done.stderr
    assert list((archive / "views").rglob("*.parquet"))
    assert not (archive / "views/hindlog.duckdb").exists()
    assert not list((archive / "views").rglob("*.tmp"))
    assert update(archive, definitions=MODELS).failed == ()
    assert list(run_query(archive, query).rows) == before


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_signal_ends_an_update_that_waits_for_the_log_at_once(
    crawled: Path, begin: Begin, number: int, code: int
) -> None:
    program = """
import cli.main, projector.update.follow as follow
follow.INTERVAL_S = 3600
cli.main.main(["view", "update", "openrouter.models", "--follow"])
"""
    options = popen_arguments(crawled) | {"args": [sys.executable, "-c", program]}
    process = begin(**options)
    assert process.stderr is not None
    assert "rows written" in process.stderr.readline()
    process.send_signal(number)

    returned, out, err = wait(process)
    assert (returned, out) == (code, "")
    assert err.startswith("stopped; published parts are kept, and the next update continues\n")


@pytest.mark.slow
def test_temporary_files_of_killed_processes_are_removed(archive: Path) -> None:
    leftovers = [archive / "views/.hindlog.duckdb.1.tmp", archive / "log/.writer.json.tmp"]
    for path in leftovers:
        path.write_bytes(b"half")
    (archive / "views/hindlog.sql").unlink()

    assert hindlog("view", "update", cwd=archive).returncode == 0
    assert hindlog("fetch", "clean", cwd=archive).returncode == 0

    assert [path for path in leftovers if path.exists()] == []


@pytest.mark.slow
def test_sigusr1_prints_the_progress_of_an_import_and_does_not_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml())
    recordings = tmp_path / "given"
    recordings.mkdir()
    for day in range(1, 4):
        for hour in range(24):
            listing = {"data": [{"id": f"a/{day}", "name": str(hour)}]}
            (recordings / f"2026-01-{day:02}T{hour:02}00.json").write_text(json.dumps(listing))
    arguments = ("fetch", "import", "openrouter", "given", "--endpoint", "/api/v1/models")
    signals = {5: signal.SIGUSR1, 30: signal.SIGTERM}
    done = run_with_signals(
        "fetcher.imports.importer._import_recorded", signals, *arguments, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert "of 72 responses" in done.stderr.splitlines()[0]
    assert "run the same import again to continue" in done.stderr.splitlines()[-1]
    assert 0 < len(list((tmp_path / "log").rglob("*.manifest.json"))) < 72
    assert not list((tmp_path / "log").rglob("*.ndjson"))
    monkeypatch.chdir(tmp_path)
    assert hindlog_here(*arguments).code == 0
    assert len(hindlog_here("log", "--kind", "page").rows) == 72
    assert hindlog_here("verify").code == 0
