"""The projector against bare DuckDB over the same log, in the same run.

    python bench/bench_project.py [--only part,small,asof,jobs,memory,follow] [--gigabytes 1 10]

Each line: the figure, its baseline, the ratio of the two, and what is asked of it. The log
is synthetic (`synthetic.py`) and lies in a temporary folder.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import random

import synthetic

from eventlog.clock import HOUR, format_us
from eventlog.write.writer import append, close_stream, open_stream
from projector.definition import Definition, load_all
from projector.engine.connections import builder, connect
from projector.engine.sql_text import literals
from projector.engine.workers import workers
from projector.parts import build, plan, staging
from projector.parts import part as parts
from projector.parts.jobs import do_jobs, plan_jobs
from projector.query.open_views import open_views
from projector.update.update import update

HERE = Path(__file__).parents[1]
CHILD = """
import re, sys
from pathlib import Path
from cli.main import main
sys.argv = ["hindlog", *sys.argv[1:]]
try:
    main()
finally:
    told = Path("/proc/self/status").read_text()
    print(int(re.search(r"VmHWM:\\s+(\\d+)", told)[1]) // 1024)
"""


class Took(NamedTuple):
    """Seconds of a piece of work."""

    wall: float
    cpu: float
    """Of this process and its threads: steadier on a busy machine."""


def took(work: Callable[[], object], count: int = 3) -> Took:
    """How long a piece of work takes: medians."""
    walls, cpus = [], []
    for _ in range(count):
        begin, used = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - begin)
        cpus.append(time.process_time() - used)
    return Took(median(walls), median(cpus))


def say(what: str, figure: str, against: str, ratio: float | None, asked: str) -> None:
    """One line of the report."""
    told = "" if ratio is None else f"{ratio:6.2f}"
    print(f"{what:34} {figure:>26}  {against:46} {told:6}  asked {asked}", flush=True)


def segments_of(root: Path, source: str) -> list[parts.Segment]:
    """The sealed segments of a source."""
    return [plan.read_sealed(root, name) for name in plan.list_source(root, source).sealed]


def named(*names: str) -> list[Definition]:
    """Definitions by name."""
    return [each for each in load_all() if each.name in names]


def ours(
    root: Path, sources: Sequence[str], wanted: Sequence[Definition], jobs: int, count: int
) -> None:
    """Build the parts of some definitions over sources from nothing, and no views."""
    folder = Path(tempfile.mkdtemp(dir=root))
    try:
        with workers(count) as crew, contextlib.closing(builder(folder, 1)) as connection:
            context = build.Context(root, folder / "parts", folder, jobs, crew, build.silent)
            listings = [plan.list_source(root, each) for each in sources]
            planned = [plan_jobs(context, connection, each, wanted) for each in listings]
            do_jobs(context, [job for each in planned for job in each])
    finally:
        shutil.rmtree(folder)


def bare(root: Path, source: str, wanted: Sequence[Definition]) -> None:
    """A COPY of the SELECT of each definition, straight from the segments."""
    folder = Path(tempfile.mkdtemp(dir=root))
    try:
        with contextlib.closing(builder(folder, 2)) as connection:
            connection.execute("SET memory_limit = '4GB'")
            staging.stage_once(connection, segments_of(root, source))
            for each in wanted:
                connection.execute(
                    f"COPY ({parts.select(each)}) TO '{folder / 'bare.parquet'}' "
                    "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20000)"
                )
    finally:
        shutil.rmtree(folder)


def compare(what: str, root: Path, source: str, wanted: Sequence[Definition], asked: str) -> None:
    """Our parts against bare COPYs, as speeds."""
    size = sum(each.raw_bytes for each in segments_of(root, source)) / 1e6
    mine, other = (
        took(lambda: ours(root, [source], wanted, 1, 1)),
        took(lambda: bare(root, source, wanted)),
    )
    base = f"COPY {size / other.wall:,.0f} MB/s (cpu ratio {other.cpu / mine.cpu:.2f})"
    say(what, f"{size / mine.wall:,.0f} MB/s", base, other.wall / mine.wall, asked)


def bench_part(folder: Path) -> None:
    """One segment of 120 MB: one definition, and all that read the source."""
    synthetic.make_civitai(folder, 1, per_hour=80_000)
    compare("parts of civitai.images", folder, "civitai", named("civitai.images"), ">= 0.9")
    every = plan.definitions_of(load_all(), "civitai")
    compare(f"parts of {len(every)} definitions", folder, "civitai", every, ">= 0.9")


def bench_small(folder: Path) -> None:
    """A thousand segments of some kB."""
    synthetic.make_openrouter(folder, 1000, count=8, polls=1)
    wanted = named("openrouter.endpoints")
    compare("parts of 1,000 small segments", folder, "openrouter", wanted, ">= 0.33")


def bench_asof(folder: Path) -> None:
    """The endpoints as of an instant, from the views and from the log itself."""
    hours = 100
    synthetic.make_openrouter(folder, hours)
    update(folder, ["openrouter.endpoints"])
    at = synthetic.T0 + hours // 2 * HOUR
    files = literals(str(each.path) for each in segments_of(folder, "openrouter"))
    query = f"""SELECT count(*), sum(up) FROM (
        SELECT (body->>'uptime_last_30m')::DOUBLE AS up FROM read_ndjson([{files}], columns = {{
            kind: 'VARCHAR', id: 'VARCHAR', observed_at: 'TIMESTAMPTZ', body: 'JSON'}})
        WHERE kind = 'entity' AND observed_at <= '{format_us(at)}'::TIMESTAMPTZ
        QUALIFY row_number() OVER (PARTITION BY id ORDER BY observed_at DESC) = 1)"""
    view = "SELECT count(*), sum(uptime_30m) FROM openrouter.endpoints"
    with contextlib.closing(open_views(folder, at)) as views, contextlib.closing(connect()) as raw:
        told = [views.execute(view).fetchall(), raw.execute(query).fetchall()]
        assert told[0][0][0] == told[1][0][0], told
        mine, other = (
            took(lambda: views.execute(view).fetchall(), 7),
            took(lambda: raw.execute(query).fetchall()),
        )
    base = f"all NDJSON by DuckDB {other.wall * 1e3:,.0f} ms"
    figure = f"{mine.wall * 1e3:,.1f} ms"
    say("as of, 720,000 versions", figure, base, other.wall / mine.wall, "-")


def bench_jobs(folder: Path) -> None:
    """Two jobs against one, each with one DuckDB thread."""
    synthetic.make_log(folder, 1800)
    sources = ("civitai", "openrouter")
    mine = took(lambda: ours(folder, sources, load_all(), 2, 2), 1)
    other = took(lambda: ours(folder, sources, load_all(), 2, 1), 1)
    base = f"one job, one thread {other.wall:,.1f} s (cpu {other.cpu:,.1f} s)"
    figure = f"{mine.wall:,.1f} s (cpu {mine.cpu:,.1f} s)"
    say("two jobs", figure, base, other.wall / mine.wall, ">= 1.7")


def bench_memory(folder: Path, gigabytes: int) -> None:
    """The high-water mark of `view update`, as a process of its own."""
    synthetic.make_log(folder, gigabytes * 1000)
    (folder / "hindlog.toml").write_text("")
    command = [sys.executable, "-c", CHILD, "-C", str(folder), "view", "update"]
    env = os.environ | {"PYTHONPATH": str(HERE)}
    begin = time.perf_counter()
    done = subprocess.run(command, env=env, check=True, text=True, capture_output=True)
    seconds = time.perf_counter() - begin
    size = synthetic.raw_bytes(folder) / 1e6
    peak = int(done.stdout.split()[-1])
    what = f"memory of an update over {size / 1000:,.1f} GB"
    say(what, f"{peak} MiB", f"{seconds:,.0f} s, {size / seconds:,.0f} MB/s", None, "< 381 MiB")


def bench_follow(folder: Path) -> None:
    """From durable append to a view that shows it, with every projection on."""
    synthetic.make_log(folder, 200)
    (folder / "hindlog.toml").write_text("")
    update(folder)
    env = os.environ | {"PYTHONPATH": str(HERE)}
    command = [sys.executable, "-m", "cli.main", "-q", "-C", str(folder)]
    follower = subprocess.Popen([*command, "view", "update", "--follow"], env=env)
    try:
        late = _lateness(folder)
    finally:
        follower.terminate()
        follower.wait()
    figure = f"median {median(late):.2f}, worst {max(late):.2f} s"
    say("behind an append, --follow", figure, "", None, "< 2 s")


def _lateness(folder: Path) -> list[float]:
    late, chance = [], random.Random(1)
    hour = synthetic.T0 + 1000 * HOUR
    stream = open_stream(folder, "civitai", "c1c1c1c1", clock=lambda: hour)
    try:
        for number in range(12):
            found = [synthetic.image(10**6 + 200 * number + n, chance) for n in range(200)]
            at = hour + number * 10**6
            page = (at, "image", "/images", 1, True, "/items", found)
            append(stream, [lambda seq, _at, page=page: synthetic.page_drafts(page, seq)], at)
            begin = time.perf_counter()
            while not _shows(folder, found[-1][0]):
                time.sleep(0.02)
            late.append(time.perf_counter() - begin)
    finally:
        close_stream(stream)
    return late[1:]  # the first one waits for the follower's start


def _shows(folder: Path, id_: str) -> bool:
    with contextlib.closing(open_views(folder)) as views:
        query = "SELECT count(*) FROM civitai.images WHERE id = ?::BIGINT"
        return views.execute(query, [id_]).fetchall() == [(1,)]


def main() -> None:
    every = ("part", "small", "asof", "jobs", "memory", "follow")
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(every), help="some of " + ",".join(every))
    parser.add_argument("--gigabytes", type=int, nargs="*", default=[1], help="for memory")
    given = parser.parse_args()
    work = {
        "part": bench_part,
        "small": bench_small,
        "asof": bench_asof,
        "jobs": bench_jobs,
        "follow": bench_follow,
    }
    for name in given.only.split(","):
        for each in given.gigabytes if name == "memory" else [0]:
            with tempfile.TemporaryDirectory() as folder:
                if each:
                    bench_memory(Path(folder), each)
                else:
                    work[name](Path(folder))


if __name__ == "__main__":
    main()
