"""Cost of commands as the archive grows: one archive with four times the segments of another.

The segments are small hours of two sources, written by the real writer without fsync. Every
command runs in a process of its own, once after `rm -r state/catalog` and then with the catalog.
The report has two lines for each:

    CPU seconds beyond `--help`, the same of the small archive, the ratio of both with `--help`
    CPU seconds, duration and peak memory; CPU seconds without a catalog

Python's compiled bytecode is there, as after an installation. The baseline of commands that read
views is DuckDB alone: its import, a connection and a query of no table. With `--views` the views
are built from nothing first, and commands that read them are measured, too; `status` and `doctor`
are also measured while `views/` has another name. What a command costs beyond its own output
follows from both archives, since one has four times as many lines to print.

`--segments` is the size of the large archive (105,120: three years of four hourly streams);
`--keep FOLDER` keeps the archives for the next run.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from measuring import report, sized

SOURCES = ("civitai", "openrouter")
WRITERS = ("1a2b3c4d", "feedbee5")
ROUNDS = 5
IDLE_S = 30.0
"""Seconds during which an idle tail is measured: three complete comparisons of all folders."""
ENTITIES = 3
"""Entities in an hour."""
TWICE = (("status", "--json"), ("doctor",))
"""Commands that are measured with and without views."""
LOG_COMMANDS = (
    ("tail", "-n", "1"),
    ("log", "-n", "1", "--reverse"),
    ("log", "--since", "{middle}", "--until", "{middle}+1d"),
    ("segment", "list", "--json"),
    ("gaps",),
)
VIEW_COMMANDS = (
    *TWICE,
    ("show", "openrouter/model/1", "--as-of", "{middle}"),
    ("changes", "--since", "1d"),
    ("sql", "SELECT count(*) FROM openrouter.models"),
    ("view", "update"),
)
PER_SEGMENT = (("segment", "list", "--json"),)
"""Commands that print a line for each segment."""
MAIN = "from cli.main import main; main()"
DUCKDB = "import duckdb; duckdb.connect().execute('SELECT 1').fetchall()"
MAX_BEYOND_S = 0.3
MAX_MIB = 150
MAX_RATIO = 1.5
MAX_FIRST_LINE_S = 0.5


class Cost(NamedTuple):
    """What one process used."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    first_line_s: float
    """Duration until the first line of output; 0 without output."""


def make_archive(root: Path, segments: int) -> None:
    """Creates an archive of that many sealed hours, ending now, unless it exists."""
    from eventlog.clock import HOUR, SECOND, format_us, hour_start, now_us
    from eventlog.files.disk import Disk
    from eventlog.format.event import ENTITY, RUN, Draft
    from eventlog.write.writer import append, close_stream, open_stream, roll

    if (root / "complete").exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    disk = Disk(fsync=lambda handle: None, sync_dir=lambda path: None)
    hours = segments // (len(SOURCES) * len(WRITERS))
    begin = hour_start(now_us()) - hours * HOUR
    body = b'{"id":"%d","text":"' + b"x" * 200 + b'"}'
    for source in SOURCES:
        for writer in WRITERS:
            at = [begin]
            stream = open_stream(root, source, writer, clock=lambda at=at: at[0], disk=disk)
            for hour in range(hours):
                at[0] = begin + hour * HOUR + SECOND
                name = f"{format_us(at[0])[:13]}.models.{writer}"
                drafts = [Draft(kind=RUN, run=name, members={"state": "created"})]
                drafts += (
                    Draft(
                        kind=ENTITY,
                        type="model",
                        id=f"{number}",
                        shape="list",
                        hash="c1:0",
                        body=body % number,
                    )
                    for number in range(ENTITIES)
                )
                drafts.append(Draft(kind=RUN, run=name, members={"state": "completed"}))
                append(stream, [lambda _seq, _at, drafts=drafts: drafts])
                roll(stream)
            close_stream(stream)
    for folder in (root / "log").glob("*/*-*-*"):
        os.utime(folder, (begin // SECOND, begin // SECOND))  # changed long ago
    (root / "hindlog.toml").write_text("".join(f"[source.{name}]\n" for name in SOURCES))
    (root / "complete").touch()


def run_hindlog(root: Path, *arguments: str) -> Cost:
    """Runs a command of hindlog in a new process."""
    return run_program(MAIN, "-C", str(root), *arguments)


def run_program(program: str, *arguments: str) -> Cost:
    """Runs a Python program in a new process, which reads and writes compiled bytecode."""
    env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPATH"] = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", program, *arguments]
    begin = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first_line_s = (process.stdout.readline() and time.perf_counter() - begin) or 0.0
        while process.stdout.read(1 << 20):
            pass
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, first_line_s)


def least(program: str, *arguments: str) -> Cost:
    """Returns the least cost of several runs of a program, after one that is not counted."""
    run_program(program, *arguments)
    return min(run_program(program, *arguments) for _ in range(sized(ROUNDS, 1)))


def measure_command(root: Path, arguments: tuple[str, ...]) -> tuple[Cost, Cost]:
    """Returns the cost without a catalog, and the least of several runs with one."""
    run_hindlog(root, *arguments)  # compiles bytecode
    shutil.rmtree(root / "state" / "catalog", ignore_errors=True)
    return run_hindlog(root, *arguments), least(MAIN, "-C", str(root), *arguments)


def measure_idle_tail(root: Path) -> float:
    """Returns the CPU seconds per second of a tail that follows an archive without new events."""
    from eventlog.catalog.file_watch import SETTLED_S
    from eventlog.read.tail import end_of, follow

    settled_at = time.monotonic() + sized(SETTLED_S + 2, 0.3)
    end_at = settled_at + sized(IDLE_S, 0.3)
    settled_cpu: list[float] = []

    def idle() -> bool:
        now = time.monotonic()
        if now >= settled_at and not settled_cpu:
            settled_cpu.append(time.process_time())
        return now < end_at

    for _ in follow(root, end_of(root), idle=idle):
        pass
    return (time.process_time() - settled_cpu[0]) / (end_at - settled_at)


def middle_of(root: Path) -> str:
    """Returns the date in the middle of an archive."""
    dates = sorted(folder.name for folder in (root / "log" / SOURCES[0]).iterdir())
    dates = [date for date in dates if date[0].isdigit()]
    return dates[len(dates) // 2]


def arguments_for(root: Path, command: tuple[str, ...]) -> tuple[str, ...]:
    """Returns a command with the day in the middle of an archive in place of `{middle}`."""
    from eventlog.clock import DAY, format_us, parse_us

    date = middle_of(root)
    end = format_us(parse_us(f"{date}T00:00:00Z") + DAY)
    return tuple(
        word.replace("{middle}+1d", end).replace("{middle}", f"{date}T00:00:00Z")
        for word in command
    )


def compare(small: Path, large: Path, command: tuple[str, ...], help_s: float) -> None:
    """Measures a command on both archives and prints two lines."""
    (_, less), (cold, cost) = (
        measure_command(root, arguments_for(root, command)) for root in (small, large)
    )
    name = " ".join(command).replace("{middle}", "T")[:34]
    if (small / "views").exists() and command in TWICE:
        name += ", views"
    beyond_s, less_s = cost.cpu_s - help_s, less.cpu_s - help_s
    report(
        name,
        f"{beyond_s:.2f} s beyond --help",
        f"a quarter: {less_s:.2f} s",
        cost.cpu_s / less.cpu_s,
        f"<= {MAX_BEYOND_S} s, ratio <= {MAX_RATIO}",
    )
    report(
        "",
        f"{cost.cpu_s:.2f} s CPU, {cost.peak_mib:.0f} MiB",
        f"{cost.wall_s:.2f} s; no catalog: {cold.cpu_s:.2f} s CPU",
        target=f"<= {MAX_MIB} MiB",
    )
    if command in PER_SEGMENT:
        rest_s = (4 * less_s - beyond_s) / 3
        report("", f"{rest_s:.2f} s beyond its output", target=f"<= {MAX_BEYOND_S} s")
    if command[0] == "tail":
        figure = f"{cost.first_line_s:.2f} s to its line"
        report("", figure, target=f"<= {MAX_FIRST_LINE_S} s")


@contextlib.contextmanager
def without_views(*roots: Path) -> Iterator[None]:
    """Renames the views of archives for a while."""
    named = [(root / "views", root / "views-away") for root in roots if (root / "views").exists()]
    for views, away in named:
        views.rename(away)
    try:
        yield
    finally:
        for views, away in named:
            shutil.rmtree(views, ignore_errors=True)
            away.rename(views)


def main() -> None:
    """Creates both archives and measures every command on them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=sized(105_120, 64))
    parser.add_argument("--keep", type=Path, help="folder of the archives, kept between runs")
    parser.add_argument("--views", action="store_true", help="also commands that read views")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        small, large = folder / f"{options.segments // 4}", folder / f"{options.segments}"
        for root, segments in ((small, options.segments // 4), (large, options.segments)):
            make_archive(root, segments)
            if options.views:
                build_views(root, segments)
        help_s = least(MAIN, "-C", str(large), "--help").cpu_s
        print(f"{options.segments:,} segments; --help: {help_s:.2f} s CPU")
        with without_views(small, large):
            for command in (*TWICE, *LOG_COMMANDS):
                compare(small, large, command, help_s)
        if options.views:
            bare = least(DUCKDB)
            report("DuckDB alone", f"{bare.cpu_s:.2f} s CPU, {bare.peak_mib:.0f} MiB")
            for command in VIEW_COMMANDS:
                compare(small, large, command, help_s)
        idle = measure_idle_tail(large)
        report("tail -f, idle", f"{idle * 100:.2f} % of a core", target="<= 1 %")


def build_views(root: Path, segments: int) -> None:
    """Builds the views of an archive from nothing and prints what that costs."""
    shutil.rmtree(root / "views", ignore_errors=True)
    first = run_hindlog(root, "view", "update")
    name = f"first view update, {segments:,}"
    report(name, f"{first.cpu_s:.2f} s CPU, {first.peak_mib:.0f} MiB", f"{first.wall_s:.2f} s")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
