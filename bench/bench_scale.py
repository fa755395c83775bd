"""Cost of commands as the archive grows: one archive with four times the segments of another.

The segments are small hours of two sources, written by the real writer without fsync. Every
command runs in a process of its own, once after `rm -r state/catalog` and then with the catalog;
the report has CPU seconds, duration and peak memory, and the ratio of the large to the small
archive. Commands that read views are measured with `--views`, which builds them from nothing first.

`--segments` is the size of the large archive (105,120: three years of four hourly streams);
`--keep FOLDER` keeps the archives for the next run.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from measuring import report, sized

SOURCES = ("civitai", "openrouter")
WRITERS = ("1a2b3c4d", "feedbee5")
ROUNDS = 3
IDLE_S = 30.0
"""Seconds during which an idle tail is measured: three complete comparisons of all folders."""
ENTITIES = 3
"""Entities in an hour."""
LOG_COMMANDS = (
    ("status", "--json"),
    ("tail", "-n", "1"),
    ("log", "-n", "1", "--reverse"),
    ("log", "--since", "{middle}", "--until", "{middle}+1d"),
    ("segment", "list", "--json"),
    ("gaps",),
    ("doctor",),
)
VIEW_COMMANDS = (
    ("show", "openrouter/model/1", "--as-of", "{middle}"),
    ("changes", "--since", "1d"),
    ("sql", "SELECT count(*) FROM openrouter.models"),
    ("view", "update"),
)
MAIN = "from cli.main import main; main()"


class Cost(NamedTuple):
    """What one process used."""

    cpu_s: float
    wall_s: float
    peak_mib: float


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


def run(root: Path, *arguments: str) -> Cost:
    """Runs a command of hindlog in a new process."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", MAIN, "-C", str(root), *arguments]
    begin = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def measure_command(root: Path, arguments: tuple[str, ...]) -> tuple[Cost, Cost]:
    """Returns the cost without a catalog, and the least of several runs with one."""
    shutil.rmtree(root / "state" / "catalog", ignore_errors=True)
    cold = run(root, *arguments)
    return cold, min(run(root, *arguments) for _ in range(sized(ROUNDS, 1)))


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


def compare(small: Path, large: Path, command: tuple[str, ...]) -> None:
    """Measures a command on both archives and prints three lines."""
    (_, warm), (cold, much) = (
        measure_command(root, arguments_for(root, command)) for root in (small, large)
    )
    name = " ".join(command).replace("{middle}", "T")[:34]
    report(
        name, f"{much.cpu_s:.2f} s CPU", f"a quarter: {warm.cpu_s:.2f} s", much.cpu_s / warm.cpu_s
    )
    report(
        "", f"{much.wall_s:.2f} s, {much.peak_mib:.0f} MiB", f"no catalog: {cold.cpu_s:.2f} s CPU"
    )


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
                shutil.rmtree(root / "views", ignore_errors=True)
                first = run(root, "view", "update")
                name = f"first view update, {segments:,}"
                report(name, f"{first.cpu_s:.2f} s CPU", f"{first.wall_s:.2f} s")
        print(f"{options.segments:,} segments; --help: {run(large, '--help').cpu_s:.2f} s CPU")
        for command in (*LOG_COMMANDS, *(VIEW_COMMANDS if options.views else ())):
            compare(small, large, command)
        idle = measure_idle_tail(large)
        report("tail -f, idle", f"{idle * 100:.2f} % of a core", target="<= 1 %")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
