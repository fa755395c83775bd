"""Signals to real processes: the current step is finished or discarded, then the process ends."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import PATIENCE_S, Begin, environment, hindlog
from tests.e2e.signalling import popen_arguments, wait

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(10000000) b WHERE a.range * b.range = -1"
STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "code"), STOPS)
def test_a_signal_ends_an_endless_query(
    crawled: Path, begin: Begin, number: int, code: int
) -> None:
    process = begin(**popen_arguments(crawled, "sql", "--as-of", "1h", ENDLESS))
    assert process.stderr is not None
    assert process.stderr.readline().startswith("as of")
    process.send_signal(number)

    returned, out, err = wait(process)
    assert (returned, out) == (code, "")
    assert err.count("\n") == 1


def test_the_second_signal_ends_the_process_at_once_even_inside_a_library_call(
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
    ("function", "arguments"),
    [
        ("projector.query.change_feed.fill", ["changes", "--since", "2020-01-01"]),
        ("projector.parts.part_sql.select", ["view", "rebuild"]),
        (
            "projector.update.rebuild._copy",
            ["view", "rebuild", "openrouter.models", "--to", "m.parquet"],
        ),
    ],
)
def test_the_first_signal_ends_a_command_whose_query_is_endless(
    archive: Path, function: str, arguments: list[str], number: int, code: int
) -> None:
    """The signal arrives while the query runs."""
    module, _, name = function.rpartition(".")
    program = f"""
import os, threading, cli.main, {module} as module
from projector.engine.interruptible import fetch_all
original = module.{name}
def endless(*given, **more):
    if {name!r} == "select" and threading.current_thread() is threading.main_thread():
        return original(*given)  # of an empty part
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


def test_a_time_limit_ends_a_query_with_a_message(crawled: Path) -> None:
    done = hindlog("sql", "--timeout", "0.3", ENDLESS, cwd=crawled)

    assert done.returncode == 7
    assert "stopped after 0.3 s" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_start_up_ends_the_process_without_output(
    tmp_path: Path, number: int
) -> None:
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
    """Reads from a terminal until its output ends with `ending`; returns the output."""
    output = ""
    while not output.endswith(ending):
        output += os.read(terminal, 65536).decode()
    return output


def test_in_the_prompt_ctrl_c_ends_the_query_and_not_the_prompt(
    crawled: Path, begin: Begin
) -> None:
    """The signal arrives while the query runs."""
    program = f"""
import os, signal, threading, cli.main, cli.commands.views.interactive.sql_prompt as prompt
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
