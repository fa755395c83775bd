"""The projector against DuckDB alone over the same log, in the same run.

    python bench/bench_project.py [--only part,small,asof,jobs,memory,follow] [--gigabytes 1 10]

Each line shows a figure, its baseline, the ratio of the two, and the target. The log is
synthetic (`synthetic.py`); each measurement has its own temporary folder.
"""

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import attrs
import synthetic
from measuring import IS_SMALLEST, READ_PEAK, measure, report, sized

from eventlog.clock import HOUR, format_us
from eventlog.progress import no_progress
from eventlog.write.writer import append, close_stream, open_stream
from projector.definition import Definition, load_definitions
from projector.engine.connections import builder, connect
from projector.engine.sql_text import literals, template_text
from projector.engine.workers import workers
from projector.limits import LIMITS
from projector.parts import build, plan, staging
from projector.parts.jobs import plan_jobs, run_jobs
from projector.parts.part import Segment
from projector.parts.part_sql import select
from projector.query.open_views import open_views
from projector.update.update import update

ROOT = Path(__file__).parents[1]
VIEWS = sized([], ["civitai.images"])
"""The views that `view update` brings up to date: all if empty."""
SEPARATELY = attrs.evolve(LIMITS, max_small_segment_bytes=0)
"""Limits with which DuckDB opens every segment itself."""
RUN_HINDLOG = (
    READ_PEAK
    + """
import sys
from cli.main import main

sys.argv = ["hindlog", *sys.argv[1:]]
try:
    main()
finally:
    print(peak())
"""
)
"""Program text that runs a hindlog command, then prints its peak memory in MiB."""


def segments_of(root: Path, source: str) -> list[Segment]:
    """Returns the sealed segments of a source."""
    return [plan.read_sealed(root, name) for name in plan.list_source(root, source).sealed]


def definitions_named(*names: str) -> list[Definition]:
    """Returns definitions by name."""
    return [definition for definition in load_definitions() if definition.name in names]


def with_log(name: str) -> list[Definition]:
    """Returns a definition by name, and those of the log that every view needs."""
    return [item for item in load_definitions() if item.name == name or item.source == "log"]


def build_parts(
    root: Path, sources: Sequence[str], definitions: Sequence[Definition], jobs: int, count: int
) -> None:
    """Builds the parts of some definitions from nothing, with `count` workers, without views."""
    folder = Path(tempfile.mkdtemp(dir=root))
    try:
        with workers(count) as crew, contextlib.closing(builder(folder, 1)) as connection:
            context = build.Context(root, folder / "parts", folder, jobs, crew, no_progress)
            listings = [plan.list_source(root, source) for source in sources]
            planned = [plan_jobs(context, connection, item, definitions) for item in listings]
            run_jobs(context, [job for jobs_of_source in planned for job in jobs_of_source])
    finally:
        shutil.rmtree(folder)


def copy_selects(
    root: Path, segments: Sequence[Segment], definitions: Sequence[Definition]
) -> None:
    """Baseline: one DuckDB COPY of the SELECT of each definition, straight from the files."""
    folder = Path(tempfile.mkdtemp(dir=root))
    try:
        with contextlib.closing(builder(folder, 2)) as connection:
            connection.execute("SET memory_limit = '4GB'")
            staging.stage_lazily(connection, segments, folder, SEPARATELY)
            for definition in definitions:
                for macros in definition.macros:
                    connection.execute(template_text(macros))
                connection.execute(
                    f"COPY ({select(definition)}) TO '{folder / 'bare.parquet'}' "
                    "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20000)"
                )
    finally:
        shutil.rmtree(folder)


def compare_parts(
    name: str,
    root: Path,
    source: str,
    definitions: Sequence[Definition],
    target: str,
    one_file: Segment | None = None,
) -> None:
    """Compares with bare COPYs, which read the segments or `one_file` with the same lines."""
    segments = segments_of(root, source)
    size = sum(segment.raw_bytes for segment in segments) / 1e6
    ours = measure(lambda: build_parts(root, [source], definitions, 1, 1))
    bare = measure(lambda: copy_selects(root, [one_file] if one_file else segments, definitions))
    baseline = f"COPY {size / bare.wall:,.0f} MB/s (cpu ratio {bare.cpu / ours.cpu:.2f})"
    report(name, f"{size / ours.wall:,.0f} MB/s", baseline, bare.wall / ours.wall, target)


def bench_part(folder: Path) -> None:
    """One segment of 120 MB: one definition, then all definitions that read the source."""
    synthetic.make_civitai(folder, 1, per_hour=sized(80_000, 400))
    images = definitions_named("civitai.images")
    compare_parts("parts of civitai.images", folder, "civitai", images, ">= 0.9")
    definitions = plan.definitions_of(load_definitions(), "civitai")[: sized(None, 3)]
    name = f"parts of {len(definitions)} definitions"
    compare_parts(name, folder, "civitai", definitions, ">= 0.9")


def bench_small(folder: Path) -> None:
    """A thousand segments of some kB."""
    count = sized(1000, 5)
    synthetic.make_openrouter(folder, count, count=8, polls=1)
    endpoints = definitions_named("openrouter.endpoints")
    compare_parts(f"parts of {count:,} small segments", folder, "openrouter", endpoints, ">= 0.33")
    definitions = plan.definitions_of(load_definitions(), "openrouter")[: sized(None, 3)]
    compare_parts(
        f"the same, {len(definitions)} definitions", folder, "openrouter", definitions, "-"
    )
    path = folder / "lines.ndjson"
    synthetic.write_lines(folder, "openrouter", path)
    first = segments_of(folder, "openrouter")[0]
    lines = attrs.evolve(first, path=path, rows=None, sha256=None)
    compare_parts("the same, against one file", folder, "openrouter", definitions, "-", lines)


def bench_asof(folder: Path) -> None:
    """The endpoints as of an instant: from the views, and from the lines of the log."""
    hours, count, polls = sized((100, 1_200, 6), (4, 40, 2))
    synthetic.make_openrouter(folder, hours, count, polls)
    update(folder, definitions=with_log("openrouter.endpoints"))
    instant = synthetic.T0 + hours // 2 * HOUR
    files = literals(str(segment.path) for segment in segments_of(folder, "openrouter"))
    over_lines = f"""SELECT count(*), sum(up) FROM (
        SELECT (body->>'uptime_last_30m')::DOUBLE AS up FROM read_ndjson([{files}], columns = {{
            kind: 'VARCHAR', id: 'VARCHAR', observed_at: 'TIMESTAMPTZ', body: 'JSON'}})
        WHERE kind = 'entity' AND observed_at <= '{format_us(instant)}'::TIMESTAMPTZ
        QUALIFY row_number() OVER (PARTITION BY id ORDER BY observed_at DESC) = 1)"""
    over_view = "SELECT count(*), sum(uptime_30m) FROM openrouter.endpoints"
    with (
        contextlib.closing(open_views(folder, instant)) as views,
        contextlib.closing(connect()) as duck,
    ):
        from_view, from_lines = (
            views.execute(over_view).fetchall(),
            duck.execute(over_lines).fetchall(),
        )
        assert from_view[0][0] == from_lines[0][0], (from_view, from_lines)
        ours = measure(lambda: views.execute(over_view).fetchall(), 7)
        lines = measure(lambda: duck.execute(over_lines).fetchall())
    baseline = f"all NDJSON by DuckDB {lines.wall * 1e3:,.0f} ms"
    name = f"as of, {hours * count * polls:,} versions"
    report(name, f"{ours.wall * 1e3:,.1f} ms", baseline, lines.wall / ours.wall)


def bench_jobs(folder: Path) -> None:
    """Two jobs against one, each with one DuckDB thread."""
    make_log(folder, 1800)
    sources = ("civitai", "openrouter")
    definitions = sized(
        load_definitions(), definitions_named("civitai.images", "openrouter.endpoints")
    )
    with_two = measure(lambda: build_parts(folder, sources, definitions, 2, 2), 1)
    with_one = measure(lambda: build_parts(folder, sources, definitions, 2, 1), 1)
    baseline = f"one job, one thread {with_one.wall:,.1f} s (cpu {with_one.cpu:,.1f} s)"
    figure = f"{with_two.wall:,.1f} s (cpu {with_two.cpu:,.1f} s)"
    report("two jobs", figure, baseline, with_one.wall / with_two.wall, ">= 1.7")


def bench_memory(folder: Path, gigabytes: int) -> None:
    """Peak memory of `view update`, run as a process of its own."""
    make_log(folder, gigabytes * 1000)
    (folder / "hindlog.toml").write_text("")
    command = [sys.executable, "-c", RUN_HINDLOG, "-C", str(folder), "view", "update", *VIEWS]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    result = subprocess.run(command, env=env, check=True, text=True, capture_output=True)
    seconds = time.perf_counter() - begin
    size = synthetic.raw_bytes(folder) / 1e6
    peak = int(result.stdout.split()[-1])
    name = f"memory of an update over {size / 1000:,.1f} GB"
    baseline = f"{seconds:,.0f} s, {size / seconds:,.0f} MB/s"
    report(name, f"{peak} MiB", baseline, target="< 381 MiB")


def make_log(folder: Path, megabytes: int) -> None:
    """Makes a log of both sources; one small hour of each at the smallest size."""
    if IS_SMALLEST:
        (folder / "log").mkdir()
        synthetic.make_civitai(folder, 1, per_hour=200)
        synthetic.make_openrouter(folder, 1, count=8, polls=1)
    else:
        synthetic.make_log(folder, megabytes)


def bench_follow(folder: Path) -> None:
    """Time from a durable append until a view shows it, with every projection enabled."""
    make_log(folder, 200)
    (folder / "hindlog.toml").write_text("")
    update(folder, definitions=sized(load_definitions(), with_log("civitai.images")))
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "cli.main", "-q", "-C", str(folder)]
    follower = subprocess.Popen([*command, "view", "update", "--follow", *VIEWS], env=env)
    try:
        delays = _measure_delays(folder)
    finally:
        follower.terminate()
        follower.wait()
    figure = f"median {median(delays):.2f}, worst {max(delays):.2f} s"
    report("delay of --follow after an append", figure, target="< 2 s")


def _measure_delays(folder: Path) -> list[float]:
    delays, chance = [], random.Random(1)
    hour = synthetic.T0 + 1000 * HOUR
    stream = open_stream(folder, "civitai", "c1c1c1c1", clock=lambda: hour)
    try:
        for number in range(sized(12, 2)):
            first = 10**6 + 200 * number
            images = [synthetic.image(id_, chance) for id_ in range(first, first + 200)]
            instant = hour + number * 10**6
            page = synthetic.Page(instant, "image", "/images", 1, True, "/items", images)
            append(stream, [lambda seq, _at, page=page: synthetic.page_drafts(page, seq)], instant)
            begin = time.perf_counter()
            while not _shows(folder, images[-1][0]):
                time.sleep(0.02)
            delays.append(time.perf_counter() - begin)
    finally:
        close_stream(stream)
    return delays[1:]  # the first delay includes the start of the follower


def _shows(folder: Path, id_: str) -> bool:
    with contextlib.closing(open_views(folder)) as views:
        query = "SELECT count(*) FROM civitai.images WHERE id = ?::BIGINT"
        return views.execute(query, [id_]).fetchall() == [(1,)]


BENCHES = {
    "part": bench_part,
    "small": bench_small,
    "asof": bench_asof,
    "jobs": bench_jobs,
    "follow": bench_follow,
}


def main() -> None:
    """Runs the chosen measurements, each in its own temporary folder."""
    names = ("part", "small", "asof", "jobs", "memory", "follow")
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(names), help="some of " + ",".join(names))
    parser.add_argument("--gigabytes", type=int, nargs="*", default=[1], help="for memory")
    options = parser.parse_args()
    for name in options.only.split(","):
        for gigabytes in options.gigabytes if name == "memory" else [0]:
            with tempfile.TemporaryDirectory() as folder:
                if gigabytes:
                    bench_memory(Path(folder), gigabytes)
                else:
                    BENCHES[name](Path(folder))


if __name__ == "__main__":
    main()
