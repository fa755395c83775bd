"""Signals and real processes: what is under way is finished or taken back, then it ends."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cli.config.load import default_toml
from eventlog.clock import now_us
from fetcher.service.queue_commands import list_runs
from fetcher.simulator.app import serve
from fetcher.state.task import COMPLETED, PENDING
from tests.e2e.conftest import PATIENCE_S, Begin, environment, hindlog

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(10000000) b WHERE a.range * b.range = -1"
STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


def hindlog_at(cwd: Path, *arguments: str, **more: str) -> dict[str, Any]:
    """How to start the program so that it can be told to stop."""
    return {
        "args": [sys.executable, "-m", "cli.main", *arguments],
        "cwd": cwd,
        "env": environment(**more),
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    }


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def signalled(
    place: str, numbers: dict[int, int], *arguments: str, cwd: Path
) -> "subprocess.CompletedProcess[str]":
    """The program, to which a signal comes after so many calls of a function of it."""
    module, _, name = place.rpartition(".")
    program = f"""
import os, cli.main, {module} as module
calls, called, numbers = [], module.{name}, { ({n: int(each) for n, each in numbers.items()})!r}
def and_signal(*given, **more):
    result = called(*given, **more)
    calls.append(1)
    if len(calls) in numbers:
        os.kill(os.getpid(), numbers[len(calls)])
    return result
module.{name} = and_signal
cli.main.main({list(arguments)!r})
"""
    how = hindlog_at(cwd) | {"args": [sys.executable, "-c", program]}
    del how["stdout"], how["stderr"]
    return subprocess.run(**how, capture_output=True, check=False, timeout=PATIENCE_S)


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_signal_ends_a_query_that_would_not_end(
    crawled: Path, begin: Begin, number: int, code: int
) -> None:
    process = begin(**hindlog_at(crawled, "sql", "--as-of", "1h", ENDLESS))
    assert process.stderr is not None
    assert process.stderr.readline().startswith("as of")
    process.send_signal(number)

    returned, out, err = end(process)
    assert (returned, out) == (code, "")
    assert err.count("\n") == 1


def test_the_second_signal_leaves_at_once_also_where_python_waits_for_a_library(
    begin: Begin,
) -> None:
    code = (
        "import duckdb, cli.program, cli.main, cli.process.signals;"
        "cli.program.run = lambda _: (cli.process.signals.record_signals(), print(1, flush=True),"
        f" duckdb.sql('{ENDLESS}').fetchall());"
        "cli.main.main([])"
    )
    process = begin(
        [sys.executable, "-c", code], env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)

    assert process.returncode == 143


@pytest.mark.parametrize(
    ("number", "code"), [STOPS[0], pytest.param(*STOPS[1], marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    ("place", "arguments"),
    [
        ("projector.query.change_feed.fill", ["changes", "--since", "1h"]),
        ("projector.parts.part_sql.select", ["view", "rebuild"]),
        (
            "projector.update.rebuild._copy",
            ["view", "rebuild", "openrouter.models", "--to", "m.parquet"],
        ),
    ],
)
def test_the_first_signal_ends_work_of_which_a_query_would_not_end(
    archive: Path, place: str, arguments: list[str], number: int, code: int
) -> None:
    """The signal comes while the query is under way."""
    module, _, name = place.rpartition(".")
    program = f"""
import os, threading, cli.main, {module} as module
from projector.engine.interruptible import fetch_all
def endless(*given, **more):
    threading.Timer(0.3, os.kill, (os.getpid(), {int(number)})).start()
    return fetch_all(given[0], {ENDLESS!r}) if {name!r} == "_copy" else {ENDLESS!r}
module.{name} = endless
cli.main.main({arguments!r})
"""
    before = sorted((archive / "views").rglob("*"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=archive,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )

    assert done.returncode == code, done.stderr
    assert sorted((archive / "views").rglob("*")) == before


def test_a_time_limit_ends_a_query_and_says_so(crawled: Path) -> None:
    done = hindlog("sql", "--timeout", "0.3", ENDLESS, cwd=crawled)

    assert done.returncode == 7
    assert "stopped after 0.3 s" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_program_is_loaded_says_nothing(tmp_path: Path, number: int) -> None:
    code = f"""
import os, sys, cli.main
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "cli.program":
            os.kill(os.getpid(), {int(number)})
sys.meta_path.insert(0, Finder())
cli.main.main(["--version"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_sync_finishes_its_page_and_leaves_the_rest_in_the_queue(
    tmp_path: Path, begin: Begin, number: int, code: int
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml(["civitai"]))

    async def go() -> tuple[int, str, str]:
        asked = asyncio.Event()

        async def answer(request: web.Request) -> web.Response:
            asked.set()
            await asyncio.sleep(0.5)
            page = int(request.query.get("page", "1"))
            onward = str(request.url.update_query(page=page + 1))
            body = {"items": [{"id": page, "name": "m"}], "metadata": {"nextPage": onward}}
            return web.Response(text=json.dumps(body), content_type="application/json")

        app = web.Application()
        app.router.add_get("/{any:.*}", answer)
        async with serve(app, now_us) as origin:
            words = ("fetch", "run", "--once")
            started = begin(**hindlog_at(tmp_path, *words, HINDLOG_CIVITAI_BASE_URL=origin))
            await asyncio.wait_for(asked.wait(), PATIENCE_S)
            started.send_signal(number)
            return await asyncio.to_thread(end, started)

    returned, _, err = asyncio.run(go())

    assert returned == code, err
    assert "stopped; what was fetched is on disk" in err
    log = hindlog("log", "--kind", "page", cwd=tmp_path).stdout
    assert len(log.splitlines()) >= 1
    states = {task.state for task in list_runs(tmp_path, "civitai", now_us)}
    assert PENDING in states
    assert COMPLETED not in states


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_service_that_is_stopped_says_that_all_is_on_disk(
    tmp_path: Path, begin: Begin, number: int, code: int
) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml(["civitai"]))
    nowhere = "http://127.0.0.1:9"
    process = begin(**hindlog_at(tmp_path, "fetch", "run", HINDLOG_CIVITAI_BASE_URL=nowhere))
    assert process.stderr is not None
    assert process.stderr.readline().startswith("serving civitai")
    process.send_signal(number)

    returned, _, err = end(process)
    assert returned == code, err
    assert err.endswith("stopped; everything fetched is on disk\n")


def test_sealing_that_is_stopped_finishes_the_stream_under_way(archive: Path) -> None:
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
def test_an_export_that_is_stopped_leaves_nothing(
    crawled: Path, tmp_path: Path, number: int, code: int
) -> None:
    to = tmp_path / "out"
    done = signalled(
        "projector.query.export._export_view", {1: number}, "export", "--to", str(to), cwd=crawled
    )

    assert done.returncode == code, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_export_removes_what_one_that_was_killed_left(crawled: Path, tmp_path: Path) -> None:
    to = tmp_path / "out"
    killed = {1: signal.SIGKILL}
    signalled("projector.query.export._export_view", killed, "export", "--to", str(to), cwd=crawled)
    (left,) = tmp_path.iterdir()
    assert re.fullmatch(r"\.out\.\d+\.tmp", left.name)
    assert any(left.iterdir())

    assert hindlog("export", "openrouter.models", "--to", str(to), cwd=crawled).returncode == 0

    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_update_that_is_stopped_publishes_what_it_has_and_goes_on(archive: Path) -> None:
    before = hindlog("sql", "SELECT * FROM openrouter.models ORDER BY id", cwd=archive).stdout
    for path in sorted((archive / "views").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    stopped = {1: signal.SIGTERM}
    update = ("view", "update", "openrouter.models")
    done = signalled("projector.engine.parquet_files.publish", stopped, *update, cwd=archive)

    assert done.returncode == 0, done.stderr
    assert "stopped; published parts are kept" in done.stderr
    assert list((archive / "views").rglob("*.parquet"))
    assert not (archive / "views/hindlog.duckdb").exists()
    assert not list((archive / "views").rglob("*.tmp"))
    assert hindlog(*update, cwd=archive).returncode == 0
    after = hindlog("sql", "SELECT * FROM openrouter.models ORDER BY id", cwd=archive).stdout
    assert after == before


def test_what_killed_processes_left_is_removed(archive: Path) -> None:
    left = [archive / "views/.hindlog.duckdb.1.tmp", archive / "log/.writer.json.tmp"]
    for path in left:
        path.write_bytes(b"half")
    (archive / "views/hindlog.sql").unlink()

    assert hindlog("view", "update", cwd=archive).returncode == 0
    assert hindlog("fetch", "clean", cwd=archive).returncode == 0

    assert [path for path in left if path.exists()] == []


def test_ignored_ctrl_c_stays_ignored(crawled: Path, begin: Begin) -> None:
    command = [sys.executable, "-m", "cli.main", "tail", "-f", "-n", "1"]
    process = begin(
        command,
        cwd=crawled,
        env=environment(),
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    os.kill(process.pid, signal.SIGTERM)

    assert process.wait(PATIENCE_S) == 0


def read_until(terminal: int, ending: str) -> str:
    seen = ""
    while not seen.endswith(ending):
        seen += os.read(terminal, 65536).decode()
    return seen


def test_in_the_prompt_ctrl_c_ends_the_query_and_not_the_prompt(
    crawled: Path, begin: Begin
) -> None:
    """The signal comes while the query is under way."""
    program = f"""
import os, signal, threading, cli.main, cli.commands.views.sql_prompt as prompt
run_prompt = prompt.run_prompt
def interrupted(ask, *given):
    def asked(text, as_of):
        if text == {ENDLESS!r} + ";":
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        return ask(text, as_of)
    run_prompt(asked, *given)
prompt.run_prompt = interrupted
cli.main.main(["sql", "--color", "never"])
"""
    ours, theirs = pty.openpty()
    process = begin(
        [sys.executable, "-c", program],
        cwd=crawled,
        env=environment(TERM="dumb"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(theirs)
    read_until(ours, "hindlog> ")
    for _ in range(2):
        os.write(ours, f"{ENDLESS};\n".encode())
        assert "stopped" in read_until(ours, "hindlog> ")
    os.write(ours, b"SELECT 40 + 2 AS x;\n")
    answer = read_until(ours, "hindlog> ")
    os.write(ours, b".quit\n")

    assert process.wait(PATIENCE_S) == 0
    assert "42" in answer
    os.close(ours)


def test_sigusr1_shows_how_an_import_stands_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "hindlog.toml").write_text(default_toml())
    given = tmp_path / "given"
    given.mkdir()
    for day in range(1, 11):
        for hour in range(24):
            listing = {"data": [{"id": f"a/{day}", "name": str(hour)}]}
            (given / f"2026-01-{day:02}T{hour:02}00.json").write_text(json.dumps(listing))
    arguments = ("fetch", "import", "openrouter", "given", "--endpoint", "/api/v1/models")
    numbers = {5: signal.SIGUSR1, 30: signal.SIGTERM}
    done = signalled("fetcher.imports.importer._import_response", numbers, *arguments, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "of 240 responses" in done.stderr.splitlines()[0]
    assert "run the same import again to continue" in done.stderr.splitlines()[-1]
    assert 0 < len(list((tmp_path / "log").rglob("*.manifest.json"))) < 240
    assert not list((tmp_path / "log").rglob("*.ndjson"))
    assert hindlog(*arguments, cwd=tmp_path).returncode == 0
    assert len(hindlog("log", "--kind", "page", cwd=tmp_path).stdout.splitlines()) == 240
    assert hindlog("verify", cwd=tmp_path).returncode == 0
