-- In: files of sightings, pages, events and differences; types; a filter of entities; an instant.
-- Out: pairs of bodies that were not compared yet: each version that began at or after the
-- instant, and the version before it that was present, with the segments of both bodies.
WITH $touched
$presence,
$spans,
neighbour AS (
    SELECT DISTINCT ON (_type, before['hash'], told['hash']) _type, before, told
    FROM (
        SELECT
            _type, told, valid_from,
            lag(told) OVER (PARTITION BY _type, _id, _shape ORDER BY valid_from) AS before
        FROM version
        WHERE told IS NOT NULL
    )
    WHERE before['hash'] <> told['hash'] AND valid_from >= $since
),
fresh AS MATERIALIZED (
    SELECT
        _type AS type, before['hash'] AS before_hash, told['hash'] AS hash,
        before['writer'] AS before_writer, before['seq'] AS before_seq,
        told['writer'] AS writer, told['seq'] AS seq
    FROM neighbour
    WHERE NOT EXISTS (
        FROM read_parquet($diffs) AS diff
        WHERE diff.type = _type AND diff.before_hash = before['hash'] AND diff.hash = told['hash']
    )
),
place AS MATERIALIZED (
    SELECT writer, seq, any_value(segment) AS segment
    FROM read_parquet($events)
    WHERE kind = 'entity' AND (writer, seq) IN (
        SELECT (before_writer, before_seq) FROM fresh UNION ALL SELECT (writer, seq) FROM fresh
    )
    GROUP BY ALL
)
SELECT fresh.*, older.segment AS before_segment, newer.segment
FROM fresh
JOIN place AS older ON older.writer = fresh.before_writer AND older.seq = fresh.before_seq
JOIN place AS newer ON newer.writer = fresh.writer AND newer.seq = fresh.seq
