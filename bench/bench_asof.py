"""As-of queries: by keyframe, by ranking every version, and by reading all NDJSON.

    python bench/bench_asof.py [--versions 4500000] [--entities 500000]

Parts are written directly (`asof_history.py`); keyframes and views are made by the projector.
All files are in a temporary folder, which is deleted afterwards. The target is defined for
18,000,000 versions of 2,000,000 entities; the default is a quarter of that, so that the
script can run regularly.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb
from asof_history import DEFINITIONS, START, THINGS, read_lines, write_log, write_parts
from measuring import measure, report, sized

from eventlog.clock import HOUR
from eventlog.progress import no_progress
from projector.engine.connections import builder
from projector.engine.sql_text import literals
from projector.engine.workers import workers
from projector.keyframes.build import build_keyframes
from projector.keyframes.keyframe import load_source_parts
from projector.parts.build import Context
from projector.parts.part import folder_of
from projector.parts.plan import SegmentListing
from projector.query.open_views import open_views
from projector.update.empty_parts import build_schemas
from projector.views.script import script_for
from projector.views.views_database import write_views

HOURS = sized(720, 20)
NEAR_THE_END = START + (HOURS - 1) * HOUR + HOUR // 2
EVERY_COLUMN = "sum(hash(COLUMNS(*)) % 1000)"
"""Reads every column of a row; small enough that no sum overflows."""
MIN_FREE_BYTES = sized(8 * 1024**3, 0)
"""With less free disk space, the history is ten times smaller."""


def make_views(root: Path, listing: SegmentListing) -> tuple[float, int]:
    """Makes the keyframes and views over the parts; returns seconds and number of keyframes."""
    parts = root / "views" / "parts"
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    begin = time.perf_counter()
    with workers(1) as crew, contextlib.closing(builder(scratch, 2)) as connection:
        context = Context(root, parts, scratch, 1, crew, no_progress)
        assert build_schemas(context, connection, DEFINITIONS, ["shop"]) == {}
        same_connection = partial(contextlib.nullcontext, connection)
        source = load_source_parts(connection, parts, listing, DEFINITIONS)
        source = build_keyframes(connection, parts, source, DEFINITIONS, same_connection)
        script = script_for(root, parts, [source], DEFINITIONS)
        write_views(root / "views", script)
    return time.perf_counter() - begin, len(source.chain)


def query_by_keyframe(root: Path, instant: int) -> Callable[[], object]:
    """Returns a query that reads every row and column of the view at an instant."""

    def query() -> object:
        with contextlib.closing(open_views(root, now=instant + 1)) as connection:
            return connection.execute(
                f"SELECT {EVERY_COLUMN} FROM shop.things_at(make_timestamptz(?))",
                [instant],
            ).fetchall()

    return query


def query_by_rank(root: Path, instant: int) -> Callable[[], object]:
    """Returns the same query, but ranking every body up to the instant."""
    folder = folder_of(root / "views" / "parts", "shop", THINGS)
    files = literals(str(path) for path in sorted(folder.glob("[0-9]*.parquet")))

    def query() -> object:
        with contextlib.closing(duckdb.connect()) as connection:
            return connection.execute(
                f"SELECT {EVERY_COLUMN} FROM ("
                f"SELECT * FROM read_parquet([{files}]) WHERE _body_at <= make_timestamptz(?) "
                "QUALIFY row_number() OVER (PARTITION BY _id ORDER BY _position DESC) = 1)",
                [instant],
            ).fetchall()

    return query


def check_equal(root: Path, files: Sequence[Path], instant: int) -> None:
    """Raises `AssertionError` unless the view and the log lines give the same rows."""
    selected = "count(*), sum(downloads), sum(hash(name)), sum(price)"
    with contextlib.closing(open_views(root, now=instant + 1)) as connection:
        from_view = connection.execute(
            f"SELECT {selected} FROM shop.things_at(make_timestamptz(?))", [instant]
        ).fetchall()
    from_lines = read_lines(files, instant, selected)
    assert from_view == from_lines, f"the view gives {from_view}, the lines give {from_lines}"


def bench_against_ranking(folder: Path, versions: int, entities: int) -> None:
    """As-of query near the end of a history: keyframes against ranking."""
    begin = time.perf_counter()
    listing = write_parts(folder, versions, entities, HOURS)
    write_s = time.perf_counter() - begin
    views_s, count = make_views(folder, listing)
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e9
    report(
        f"{versions:,} versions written",
        f"{write_s:.0f} s, {size:.1f} GB",
        f"{count} keyframes made in {views_s:.0f} s",
    )
    view_s = measure(query_by_keyframe(folder, NEAR_THE_END)).wall
    rank_s = measure(query_by_rank(folder, NEAR_THE_END), 1).wall
    baseline = f"row_number() over all {rank_s:.2f} s"
    report("as of, SELECT *", f"{view_s:.2f} s", baseline, view_s / rank_s, "<= 0.1")
    bench_against_lines(folder, versions, entities, view_s)


def bench_against_lines(folder: Path, versions: int, entities: int, view_s: float) -> None:
    """The same query over the lines of the log. `view_s`: duration of the view's query."""
    files = write_log(folder, versions, entities, HOURS)
    check_equal(folder, files, NEAR_THE_END)
    lines_s = measure(lambda: read_lines(files, NEAR_THE_END, EVERY_COLUMN), 1).wall
    size = sum(path.stat().st_size for path in files) / 1e9
    baseline = f"all NDJSON, {size:.1f} GB packed {lines_s:.1f} s"
    report("against its lines", f"{view_s:.2f} s", baseline, lines_s / view_s, ">= 50")


def bench_growth(folder: Path, versions: int, entities: int) -> None:
    """As-of query after a history that is ten times as long, over the same entities."""
    durations = []
    for name, share in (("short", 10), ("long", 1)):
        root, hours = folder / name, HOURS // share
        make_views(root, write_parts(root, versions // share, entities, hours))
        query = query_by_keyframe(root, START + (hours - 1) * HOUR + HOUR // 2)
        durations.append(measure(query, 5).wall)
    short, long = durations
    baseline = f"a tenth of it {short:.2f} s"
    report("ten times the history", f"{long:.2f} s", baseline, long / short, "< 1.3")


def main() -> None:
    """Runs both comparisons, each in its own temporary folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", type=int, default=sized(4_500_000, 4_000))
    parser.add_argument("--entities", type=int, default=sized(500_000, 400))
    options = parser.parse_args()
    for bench, fewer_versions, fewer_entities in (
        (bench_growth, 5, 10),
        (bench_against_ranking, 1, 1),
    ):
        with tempfile.TemporaryDirectory(prefix="hindlog-asof-") as folder:
            free = shutil.disk_usage(folder).free
            factor = 1 if free > MIN_FREE_BYTES else 10
            if factor > 1:
                print(f"{free / 1e9:.0f} GB free: {factor} times fewer versions and entities")
            (Path(folder) / "log").mkdir()
            versions = options.versions // factor // fewer_versions
            bench(Path(folder), versions, options.entities // factor // fewer_entities)


if __name__ == "__main__":
    main()
