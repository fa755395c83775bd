"""The same history as the log holds it: lines of NDJSON, an hour a file, and all of them read.

Every version is an event with the envelope of a real one, and every hundred have their page
with its roster. A body has more than the view asks of it, as those of APIs do: lines are as
long as those of two recorded years of OpenRouter's models (2.47 kB at the mean), have the same
kinds of members (a text, nested objects, prices as text, lists of short texts, nulls), and take
DuckDB as long to read: 2.1 microseconds each by two threads, 2.2 to 2.3 those recorded. As
DuckDB reads them best: with declared columns, the body as a struct, both threads, and nothing
that the question does not need.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from projector.engine.sql_text import literal, literals

# Out: 5,000 texts of about 1,500 characters, of words that differ.
TEXTS = """
CREATE TEMP TABLE IF NOT EXISTS texts AS
SELECT n, string_agg(
    substr(md5(((hash(1000 * n + i) % 3000))::VARCHAR), 1, 2 + (hash(i) % 9)::INTEGER)
    || CASE WHEN i % 40 = 0 THEN chr(10) || chr(10) ELSE '' END, ' ' ORDER BY i) AS text
FROM range(5000) AS texts(n), range(215) AS words(i)
GROUP BY n
"""
# In: rows of an hour (`n`, `seq`, `us`, `id`), the source, the writer.
# Out: its lines, in the order of the log.
LINES = """
WITH row AS (
    SELECT made.*, make_timestamptz(us::BIGINT) AS instant, texts.text
    FROM (ROWS) AS made JOIN texts ON texts.n = hash(made.id) % 5000
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
COLUMNS = {
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


def write_lines(
    connection: duckdb.DuckDBPyConnection, path: Path, rows: str, values: Mapping[str, object]
) -> None:
    """The lines of an hour, packed as sealed segments are. `values`: what its rows are made of."""
    query = LINES.replace("ROWS", rows)
    for key, value in values.items():
        query = query.replace(key, str(value))
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(TEXTS)
    connection.execute(
        f"COPY ({query}) TO {literal(str(path))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', "
        "DELIMITER '\x01', COMPRESSION zstd)"
    )


def read_all(files: Iterable[Path], instant: int, told: str) -> object:
    """What the last version of each id says at an instant, from all lines."""
    columns = ", ".join(f"{name}: {literal(type_)}" for name, type_ in COLUMNS.items())
    with contextlib.closing(duckdb.connect()) as connection:
        return connection.execute(
            f"SELECT {told} FROM (SELECT * EXCLUDE (body), unnest(body) FROM ("
            f"SELECT * FROM read_ndjson([{literals(map(str, files))}], columns = {{{columns}}}) "
            "WHERE kind = 'entity' AND observed_at <= make_timestamptz(?) "
            "QUALIFY row_number() OVER (PARTITION BY id ORDER BY observed_at DESC, seq DESC) = 1))",
            [instant],
        ).fetchall()
