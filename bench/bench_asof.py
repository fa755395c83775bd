"""As-of by keyframe against ranking every version, and reading all NDJSON, in the same run.

    python bench/bench_asof.py [--versions 4500000] [--entities 500000]

Parts are written straight, hour by hour, in the form the projector writes; keyframes and
views are made by the projector. Everything lies in a temporary folder and is deleted after.
The case of the guide, 18,000,000 of 2,000,000, takes four times as long as what is meant to
run every time.
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
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

import duckdb
import orjson
from asof_ndjson import read_all, write_lines

from eventlog.clock import HOUR, parse_us
from eventlog.format.paths import SegmentName, parse_segment
from projector.definition import FOLDER, Definition, load, parse
from projector.engine.connections import ROW_GROUP, builder
from projector.engine.sql_text import literal, literals
from projector.engine.workers import workers
from projector.keyframes.build import build_keyframes
from projector.keyframes.keyframe import load_source
from projector.parts.build import Context, silent
from projector.parts.part import compact_instant, folder_of, name_over
from projector.parts.plan import Listing
from projector.query.open_views import open_views
from projector.update.empty_parts import build_schemas
from projector.views.script import script_for
from projector.views.views_database import write_views

THINGS = parse(
    """-- shop.things: things of a bench
-- types: thing
-- shapes: list*
-- key: id VARCHAR
-- columns:
--   name      /name      text
--   about     /about     text
--   price     /price     price
--   downloads /downloads int
--   rating    /rating    float
--   is_new    /is_new    bool
SELECT * FROM event
""",
    "shop",
    "things",
)
SIGHTINGS, PAGES, EVENTS = (
    load(FOLDER / "log" / f"{name}.sql") for name in ("sightings", "pages", "events")
)
DEFINITIONS = (THINGS, SIGHTINGS, PAGES, EVENTS)
START = parse_us("2026-01-01T00:00:00Z")
WRITER = "0000000a"
EVERY = "sum(hash(COLUMNS(*)) % 1000)"
"""Of a row, every column; no sum is too large."""
LEAST_FREE = 8 * 1024**3
"""Less free disk than that, and the history is made smaller."""

# In: the hour's first seq, its versions, entities. A version is a body (`place` 1) and its line
# in a roster (`place` 2); the first versions go through all entities, the others are drawn.
ROWS = """
SELECT
    n, 2 * n + 1 AS seq, START_AT + (n % VERSIONS) * (3600000000 // VERSIONS) AS us,
    CASE WHEN n < ENTITIES THEN n ELSE hash(n) % ENTITIES END::VARCHAR AS id
FROM range(FIRST, FIRST + VERSIONS) AS numbers(n)
"""
POSITION = "((us::UHUGEINT << 72) + ('0x0000000a'::UHUGEINT << 40) + SEQ::UHUGEINT)::UUID"
AT = "make_timestamptz(us::BIGINT)"
SEEN = f"""
SELECT {POSITION} AS _position, {AT} AS _at, 'WRITER' AS _writer, 'thing' AS _type, id AS _id,
    'list' AS _shape, CASE WHEN SCOPED THEN '/things/' || id[1:2] END AS _scope,
    SCOPED AS _listing, false AS _gone, seq AS _seq
FROM ({ROWS})
"""
BODIES = f"""
SELECT {POSITION.replace("SEQ", "seq")} AS _position, 'WRITER' AS _writer, seq AS _seq,
    {AT} AS _body_at, 'thing' AS _type, id AS _id, NULL::VARCHAR AS _parent_type,
    NULL::VARCHAR AS _parent_id, 'c1:' || md5(n::VARCHAR) AS _hash, 'list' AS _shape,
    '/things' AS _endpoint, NULL::VARCHAR AS _params, 'r' || (n // VERSIONS) AS _run,
    NULL::VARCHAR AS _epoch, 'SEGMENT' AS _segment, 'thing ' || id AS name,
    repeat('about ' || (n % 1000), 8) AS about, (n % 997 / 100)::DECIMAL(38,24) AS price,
    n::BIGINT AS downloads, (n % 500) / 100 AS rating, n % 2 = 0 AS is_new,
    []::STRUCT(path VARCHAR, value VARCHAR)[] AS _errors
FROM ({ROWS})
"""
PAGE = f"""
SELECT {POSITION} AS _position, {AT} AS observed_at, 'shop' AS source, 'WRITER' AS writer, seq,
    'page' AS kind, 'r' || (n // VERSIONS) AS run, NULL::VARCHAR AS epoch, '/things' AS endpoint,
    NULL::VARCHAR AS params, NULL::VARCHAR AS url, 200::INTEGER AS status, 1.0::DOUBLE AS ms,
    1::BIGINT AS bytes, NULL::VARCHAR AS sha256, '/things/' || id[1:2] AS scope,
    1::INTEGER AS page_no, false AS last, 1::BIGINT AS entities, NULL::VARCHAR AS why,
    'SEGMENT' AS segment
FROM ({ROWS}) WHERE n % 100 = 0
"""


def write_hours(root: Path, versions: int, entities: int, hours: int) -> Listing:
    """Parts of so many hours, as if each were the part over a sealed segment."""
    each = versions // hours
    names = [_segment(hour) for hour in range(hours)]
    with contextlib.closing(builder(root, 2)) as connection:
        for hour, name in enumerate(names):
            _write_hour(connection, root, name, hour, each, entities)
    return Listing("shop", tuple(names), ())


def write_log(root: Path, versions: int, entities: int, hours: int) -> list[Path]:
    """The same versions as the log holds them; its files."""
    each = versions // hours
    paths = [root / "log" / f"{_segment(hour)}.ndjson.zst" for hour in range(hours)]
    with contextlib.closing(builder(root, 2)) as connection:
        for hour, path in enumerate(paths):
            values = _values(hour, each, entities, _segment(hour))
            write_lines(connection, path, ROWS, values)
    return paths


def _segment(hour: int) -> SegmentName:
    stamp = compact_instant(START + hour * HOUR)
    name = parse_segment(f"shop/{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}/{stamp[9:11]}-{WRITER}-000")
    assert name is not None
    return name


def _write_hour(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    name: SegmentName,
    hour: int,
    versions: int,
    entities: int,
) -> None:
    begin = compact_instant(START + hour * HOUR)
    last = compact_instant(START + hour * HOUR + (versions - 1) * (HOUR // versions))
    file = name_over(begin, last, [str(name)])
    values = _values(hour, versions, entities, name)
    own, roster = (
        SEEN.replace("SEQ", seq).replace("SCOPED", scoped)
        for seq, scoped in (("seq", "false"), ("(seq + 1)", "true"))
    )
    page = PAGE.replace("SEQ", "(seq + 1)")
    rows = ((THINGS, BODIES), (SIGHTINGS, f"{own} UNION ALL {roster}"), (PAGES, page))
    for definition, query in rows:
        for key, value in values.items():
            query = query.replace(key, str(value))
        _copy(connection, root, definition, query, file, name)


def _values(hour: int, versions: int, entities: int, name: SegmentName) -> dict[str, object]:
    """What stands in the queries, of an hour."""
    return {
        "START_AT": START + hour * HOUR,
        "FIRST": hour * versions,
        "VERSIONS": versions,
        "ENTITIES": entities,
        "SEGMENT": name,
        "WRITER": WRITER,
    }


def _copy(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    definition: Definition,
    query: str,
    file: str,
    name: SegmentName,
) -> None:
    folder = folder_of(root / "views" / "parts", "shop", definition)
    folder.mkdir(parents=True, exist_ok=True)
    covers = literal(orjson.dumps([str(name)]).decode())
    connection.execute(
        f"COPY ({query}) TO {literal(str(folder / file))} (FORMAT parquet, COMPRESSION zstd, "
        f"ROW_GROUP_SIZE {ROW_GROUP}, KV_METADATA {{covers: {covers}}})"
    )


def make_views(root: Path, listing: Listing) -> tuple[float, int]:
    """The views over the parts, keyframes by the rule: seconds, and how many keyframes."""
    parts = root / "views" / "parts"
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    begin = time.perf_counter()
    with workers(1) as crew, contextlib.closing(builder(scratch, 2)) as connection:
        context = Context(root, parts, scratch, 1, crew, silent)
        assert build_schemas(context, connection, DEFINITIONS, ["shop"]) == {}
        apart = partial(contextlib.nullcontext, connection)
        build_keyframes(connection, parts, listing, DEFINITIONS, apart)
        chain = load_source(connection, parts, listing, DEFINITIONS).chain
        script = script_for(root, parts, [listing], DEFINITIONS, connection)
        write_views(root / "views", script)
    return time.perf_counter() - begin, len(chain)


def seconds(work: Callable[[], object], count: int = 3) -> float:
    """How long it takes, at its median."""
    took = []
    for _ in range(count):
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return median(took)


def as_of(root: Path, instant: int, view: str = "things_at") -> Callable[[], object]:
    """Every row of a view at an instant, to the last column."""

    def ask() -> object:
        with contextlib.closing(open_views(root, now=instant + 1)) as connection:
            return connection.execute(
                f"SELECT {EVERY} FROM shop.{view}(make_timestamptz(?))",
                [instant],
            ).fetchall()

    return ask


def ranked(root: Path, instant: int) -> Callable[[], object]:
    """The same by ranking every body not after the instant."""
    folder = folder_of(root / "views" / "parts", "shop", THINGS)
    files = literals(str(path) for path in sorted(folder.glob("[0-9]*.parquet")))

    def ask() -> object:
        with contextlib.closing(duckdb.connect()) as connection:
            return connection.execute(
                f"SELECT {EVERY} FROM ("
                f"SELECT * FROM read_parquet([{files}]) WHERE _body_at <= make_timestamptz(?) "
                "QUALIFY row_number() OVER (PARTITION BY _id ORDER BY _position DESC) = 1)",
                [instant],
            ).fetchall()

    return ask


def agree(root: Path, files: Sequence[Path], instant: int) -> bool:
    """Whether the view and the lines say the same."""
    told = "count(*), sum(downloads), sum(hash(name)), sum(price)"
    with contextlib.closing(open_views(root, now=instant + 1)) as connection:
        shown = connection.execute(
            f"SELECT {told} FROM shop.things_at(make_timestamptz(?))", [instant]
        ).fetchall()
    return shown == read_all(files, instant, told)


def say(what: str, figure: str, against: str, ratio: float | None, asked: str) -> None:
    """One line of the report."""
    told = "" if ratio is None else f"{ratio:6.3f}"
    print(f"{what:34} {figure:>26}  {against:46} {told:6}  asked {asked}", flush=True)


def bench_against_ranking(folder: Path, versions: int, entities: int) -> None:
    """As-of near the end of a history, by keyframe and by rank."""
    begin = time.perf_counter()
    listing = write_hours(folder, versions, entities, 720)
    wrote = time.perf_counter() - begin
    took, count = make_views(folder, listing)
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e9
    say(
        f"{versions:,} versions written",
        f"{wrote:.0f} s, {size:.1f} GB",
        f"{count} keyframes made in {took:.0f} s",
        None,
        "",
    )
    instant = START + 719 * HOUR + HOUR // 2
    ours, rank = seconds(as_of(folder, instant)), seconds(ranked(folder, instant), 1)
    say(
        "as of, SELECT *",
        f"{ours:.2f} s",
        f"row_number() over all {rank:.2f} s",
        ours / rank,
        "<= 0.1",
    )
    bench_against_lines(folder, versions, entities, ours)


def bench_against_lines(folder: Path, versions: int, entities: int, ours: float) -> None:
    """The same question to the lines of the log. `ours`: seconds of the view."""
    files = write_log(folder, versions, entities, 720)
    instant = START + 719 * HOUR + HOUR // 2
    assert agree(folder, files, instant)
    lines = seconds(lambda: read_all(files, instant, EVERY), 1)
    size = sum(path.stat().st_size for path in files) / 1e9
    say(
        "against its lines",
        f"{ours:.2f} s",
        f"all NDJSON, {size:.1f} GB packed {lines:.1f} s",
        lines / ours,
        ">= 50",
    )


def bench_growth(folder: Path, versions: int, entities: int) -> None:
    """As-of when history is ten times as long over the same entities."""
    asked = []
    for name, share in (("short", 10), ("long", 1)):
        root = folder / name
        hours = 720 // share
        listing = write_hours(root, versions // share, entities, hours)
        make_views(root, listing)
        asked.append(as_of(root, START + (hours - 1) * HOUR + HOUR // 2))
    short, long = (seconds(each, 5) for each in asked)
    say(
        "ten times the history",
        f"{long:.2f} s",
        f"a tenth of it {short:.2f} s",
        long / short,
        "< 1.3",
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", type=int, default=4_500_000)
    parser.add_argument("--entities", type=int, default=500_000)
    options = parser.parse_args()
    versions, entities = options.versions, options.entities
    for bench, share in ((bench_growth, 10), (bench_against_ranking, 1)):
        with tempfile.TemporaryDirectory(prefix="hindlog-asof-") as folder:
            free = shutil.disk_usage(folder).free
            less = 1 if free > LEAST_FREE else 10
            if less > 1:
                print(f"{free / 1e9:.0f} GB free: {less} times fewer versions and entities")
            (Path(folder) / "log").mkdir()
            bench(Path(folder), versions // less // (share // 2 or 1), entities // less // share)


if __name__ == "__main__":
    main()
