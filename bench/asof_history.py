"""A synthetic history in two forms: Parquet parts, and the same versions as lines of the log.

`write_parts` writes parts directly, one per hour, in the form that the projector writes.
`write_log` writes one file of NDJSON per hour. Every version is an event with the envelope of
a real one, and every hundred versions have a page with its roster.

Bodies in the log have more members than the view reads, as bodies of real APIs do. The lines
are as long as those of two recorded years of OpenRouter's models (mean 2.47 kB) and have the
same kinds of members: a text, nested objects, prices as text, lists of short texts, nulls.
DuckDB reads them as fast as the recorded ones: 2.1 µs a line with two threads, against 2.2 to
2.3 µs. `read_lines` reads them in the fastest way that DuckDB has: declared columns, the body
as a struct, and only the members that the query needs.
"""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import duckdb
import orjson
from measuring import sized

from eventlog.clock import HOUR, parse_us
from eventlog.format.paths import SegmentName, parse_segment
from projector.definition import FOLDER, Definition, load_definition, parse_definition
from projector.engine.connections import ROW_GROUP, builder
from projector.engine.sql_text import literal, literals
from projector.parts.part import compact_instant, folder_of, name_over
from projector.parts.plan import SegmentListing

THINGS = parse_definition(
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
    load_definition(FOLDER / "log" / f"{name}.sql") for name in ("sightings", "pages", "events")
)
DEFINITIONS = (THINGS, SIGHTINGS, PAGES, EVENTS)
START = parse_us("2026-01-01T00:00:00Z")
WRITER = "0000000a"
TEXT_COUNT = sized(5_000, 50)

# The words in capitals are replaced by the values of `_hour_values`.
# A version n has its body at seq 2n + 1 and its roster entry at seq 2n + 2. The first
# ENTITIES versions contain every entity once; later ones draw entities at random. If REPEATS is
# more than 1, the versions of one hour are seen again in the hours after it, so many hours in all.
ROWS = """
SELECT
    n, 2 * n + 1 AS seq, START_AT + (n % VERSIONS) * (3600000000 // VERSIONS) AS us,
    CASE WHEN first < ENTITIES THEN first ELSE DRAWN % ENTITIES END::VARCHAR AS id,
    2 * first + 1 AS body_seq
FROM (
    SELECT n, n - n // VERSIONS % REPEATS * VERSIONS AS first
    FROM range(FIRST, FIRST + VERSIONS) AS numbers(n)
)
"""
POSITION = "((us::UHUGEINT << 72) + ('0x0000000a'::UHUGEINT << 40) + SEQ::UHUGEINT)::UUID"
AT = "make_timestamptz(us::BIGINT)"
PRICE = "((n % 997)::DECIMAL(12, 0) * 0.01)::DECIMAL(38, 24)"
"""Exact: DuckDB divides in DOUBLE, and the cast of a DOUBLE to 24 places shows its error."""
SIGHTING_ROWS = f"""
SELECT {POSITION} AS _position, {AT} AS _at, 'WRITER' AS _writer, 'thing' AS _type, id AS _id,
    'list' AS _shape, CASE WHEN SCOPED THEN '/things/' || id[1:2] END AS _scope,
    SCOPED AS _listing, false AS _gone, body_seq AS _seq
FROM ({ROWS})
"""
BODY_ROWS = f"""
SELECT {POSITION.replace("SEQ", "seq")} AS _position, 'WRITER' AS _writer, seq AS _seq,
    {AT} AS _body_at, 'thing' AS _type, id AS _id, NULL::VARCHAR AS _parent_type,
    NULL::VARCHAR AS _parent_id, 'c1:' || md5(n::VARCHAR) AS _hash, 'list' AS _shape,
    '/things' AS _endpoint, NULL::VARCHAR AS _params, 'r' || (n // VERSIONS) AS _run,
    NULL::VARCHAR AS _epoch, 'SEGMENT' AS _segment, 'thing ' || id AS name,
    repeat('about ' || (n % 1000), 8) AS about, {PRICE} AS price,
    n::BIGINT AS downloads, (n % 500) / 100 AS rating, n % 2 = 0 AS is_new,
    []::STRUCT(path VARCHAR, value VARCHAR)[] AS _errors
FROM ({ROWS}) WHERE seq = body_seq
"""
PAGE_ROWS = f"""
SELECT {POSITION} AS _position, {AT} AS observed_at, 'shop' AS source, 'WRITER' AS writer, seq,
    'page' AS kind, 'r' || (n // VERSIONS) AS run, NULL::VARCHAR AS epoch, '/things' AS endpoint,
    NULL::VARCHAR AS params, NULL::VARCHAR AS url, 200::INTEGER AS status, 1.0::DOUBLE AS ms,
    1::BIGINT AS bytes, NULL::VARCHAR AS sha256, '/things/' || id[1:2] AS scope,
    1::INTEGER AS page_no, false AS last, 1::BIGINT AS entities, NULL::VARCHAR AS why,
    'SEGMENT' AS segment
FROM ({ROWS}) WHERE n % 100 = 0
"""

# Output: TEXT_COUNT distinct texts of about 1,500 characters.
TEXTS = """
CREATE TEMP TABLE IF NOT EXISTS texts AS
SELECT n, string_agg(
    substr(md5(((hash(1000 * n + i) % 3000))::VARCHAR), 1, 2 + (hash(i) % 9)::INTEGER)
    || CASE WHEN i % 40 = 0 THEN chr(10) || chr(10) ELSE '' END, ' ' ORDER BY i) AS text
FROM range(TEXT_COUNT) AS texts(n), range(215) AS words(i)
GROUP BY n
"""
# Output: the lines of one hour, in the order of the log.
LINES = """
WITH row AS (
    SELECT made.*, make_timestamptz(us::BIGINT) AS instant, texts.text
    FROM (ROWS) AS made JOIN texts ON texts.n = hash(made.id) % TEXT_COUNT
),
line AS (
    SELECT n // 100 AS page, seq, to_json({
        'v': 1, 'source': 'shop', 'writer': 'WRITER', 'seq': seq,
        'observed_at': strftime(instant AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'),
        'kind': 'entity', 'run': 'r' || (n // VERSIONS), 'type': 'thing', 'id': id,
        'shape': 'list', 'endpoint': '/things', 'hash': 'c1:' || md5(n::VARCHAR),
        'body': {
            'id': id, 'name': 'thing ' || id, 'about': repeat('about ' || (n % 1000), 8),
            'price': n % 997 / 100, 'downloads': n, 'rating': (n % 500) / 100,
            'is_new': n % 2 = 0, 'created': 1700000000 + n, 'text': text,
            'made': {
                'of': 'wood+steel->chair', 'in': ['oak', 'ash'], 'out': ['chair'],
                'finish': 'Oil', 'style': NULL
            },
            'prices': {
                'one': (n % 997 / 1e7)::DECIMAL(12, 10)::VARCHAR,
                'ten': (n % 499 / 1e7)::DECIMAL(12, 10)::VARCHAR,
                'image': '0.000578', 'request': '0', 'read': '0', 'write': '0', 'search': '0',
                'inside': '0'
            },
            'seller': {'length': 4096 * (n % 32), 'most': NULL, 'is_checked': false},
            'features': [
                'max_width', 'min_width', 'stop', 'frequency', 'presence', 'seed', 'top_k',
                'top_p', 'temperature', 'tools', 'choice', 'format', 'penalty'
            ],
            'limits': NULL
        }
    })::VARCHAR AS text
    FROM row
    UNION ALL
    SELECT n // 100, max(seq) + 1, to_json({
        'v': 1, 'source': 'shop', 'writer': 'WRITER', 'seq': max(seq) + 1,
        'observed_at': strftime(max(instant) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'),
        'kind': 'page', 'run': 'r' || (min(n) // VERSIONS), 'endpoint': '/things',
        'status': 200, 'scope': '/things/' || (n // 100), 'page_no': 1,
        'roster': {'/data': list(['thing', id, seq::VARCHAR] ORDER BY seq)}
    })::VARCHAR
    FROM row
    GROUP BY n // 100
)
SELECT text FROM line ORDER BY seq
"""
LINE_COLUMNS = {
    "writer": "VARCHAR",
    "seq": "BIGINT",
    "observed_at": "TIMESTAMPTZ",
    "kind": "VARCHAR",
    "run": "VARCHAR",
    "id": "VARCHAR",
    "shape": "VARCHAR",
    "endpoint": "VARCHAR",
    "hash": "VARCHAR",
    "body": "STRUCT(name VARCHAR, about VARCHAR, price DECIMAL(38,24), downloads BIGINT, "
    "rating DOUBLE, is_new BOOLEAN)",
}


def write_parts(
    root: Path,
    versions: int,
    entities: int,
    hours: int,
    repeats: int = 1,
    in_turn: bool = False,
) -> SegmentListing:
    """Writes one part per definition and hour, each over one (missing) sealed segment.

    `repeats`: the number of consecutive hours in which each version is seen; the body is
    written in the first of them. `in_turn`: the entities are seen one after the other, all
    equally often, as in polls of a complete list, and not drawn at random.
    """
    names = [_segment_name(hour) for hour in range(hours)]
    with contextlib.closing(builder(root, 2)) as connection:
        for hour in range(hours):
            _write_hour(connection, root, hour, versions // hours, entities, repeats, in_turn)
    return SegmentListing("shop", frozenset(map(str, names)), ())


def write_log(root: Path, versions: int, entities: int, hours: int) -> list[Path]:
    """Writes the same versions as compressed NDJSON, one file per hour; returns the files."""
    paths = [root / "log" / f"{_segment_name(hour)}.ndjson.zst" for hour in range(hours)]
    with contextlib.closing(builder(root, 2)) as connection:
        connection.execute(TEXTS.replace("TEXT_COUNT", str(TEXT_COUNT)))
        for hour, path in enumerate(paths):
            query = _fill(LINES.replace("ROWS", ROWS), hour, versions // hours, entities)
            path.parent.mkdir(parents=True, exist_ok=True)
            connection.execute(
                f"COPY ({query}) TO {literal(str(path))} (FORMAT csv, HEADER false, QUOTE '', "
                "ESCAPE '', DELIMITER '\x01', COMPRESSION zstd)"
            )
    return paths


def read_lines(files: Iterable[Path], instant: int, selected: str) -> object:
    """Evaluates the expressions `selected` over the last version of each id at an instant."""
    columns = ", ".join(f"{name}: {literal(type_)}" for name, type_ in LINE_COLUMNS.items())
    with contextlib.closing(duckdb.connect()) as connection:
        return connection.execute(
            f"SELECT {selected} FROM (SELECT * EXCLUDE (body), unnest(body) FROM ("
            f"SELECT * FROM read_ndjson([{literals(map(str, files))}], columns = {{{columns}}}) "
            "WHERE kind = 'entity' AND observed_at <= make_timestamptz(?) "
            "QUALIFY row_number() OVER (PARTITION BY id ORDER BY observed_at DESC, seq DESC) = 1))",
            [instant],
        ).fetchall()


def _segment_name(hour: int) -> SegmentName:
    stamp = compact_instant(START + hour * HOUR)
    name = parse_segment(f"shop/{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}/{stamp[9:11]}-{WRITER}-000")
    assert name is not None
    return name


def _write_hour(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    hour: int,
    versions: int,
    entities: int,
    repeats: int,
    in_turn: bool,
) -> None:
    own, roster = (
        SIGHTING_ROWS.replace("SEQ", seq).replace("SCOPED", scoped)
        for seq, scoped in (("seq", "false"), ("(seq + 1)", "true"))
    )
    queries = (
        (THINGS, BODY_ROWS),
        (SIGHTINGS, f"{own} UNION ALL {roster}"),
        (PAGES, PAGE_ROWS.replace("SEQ", "(seq + 1)")),
    )
    last_us = START + hour * HOUR + (versions - 1) * (HOUR // versions)
    for definition, query in queries:
        filled = _fill(query, hour, versions, entities, repeats, in_turn)
        _write_part(connection, root, definition, filled, hour, last_us)


def _fill(
    query: str,
    hour: int,
    versions: int,
    entities: int,
    repeats: int = 1,
    in_turn: bool = False,
) -> str:
    """Replaces the words in capitals by the values of an hour."""
    values = {
        "START_AT": START + hour * HOUR,
        "FIRST": hour * versions,
        "VERSIONS": versions,
        "ENTITIES": entities,
        "REPEATS": repeats,
        "DRAWN": "first" if in_turn else "hash(first)",
        "SEGMENT": _segment_name(hour),
        "WRITER": WRITER,
        "TEXT_COUNT": TEXT_COUNT,
    }
    for key, value in values.items():
        query = query.replace(key, str(value))
    return query


def _write_part(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    definition: Definition,
    query: str,
    hour: int,
    last_us: int,
) -> None:
    folder = folder_of(root / "views" / "parts", "shop", definition)
    folder.mkdir(parents=True, exist_ok=True)
    segments = [str(_segment_name(hour))]
    file = name_over(compact_instant(START + hour * HOUR), compact_instant(last_us), segments)
    covers = literal(orjson.dumps(segments).decode())
    connection.execute(
        f"COPY ({query}) TO {literal(str(folder / file))} (FORMAT parquet, COMPRESSION zstd, "
        f"ROW_GROUP_SIZE {ROW_GROUP}, KV_METADATA {{covers: {covers}}})"
    )
