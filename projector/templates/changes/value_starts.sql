-- In: files of sightings and events; types; a filter of entities.
-- Out: since when each value was seen, where that is not the instant at which its body was stored.
-- A run is a series of sightings of an entity in one shape whose values are equal; of several
-- sightings at one instant the greatest counts. A row applies to the sightings at [since, until)
-- that name the body, and has the epoch of the first sighting of the run.
WITH $touched
latest AS (
    SELECT
        _type, _id, _shape, _at, max(_position) AS position,
        arg_max(_writer, _position) AS writer, arg_max(_seq, _position) AS seq
    FROM read_parquet($sightings)
    WHERE _type IN ($types) AND NOT _gone $one
    GROUP BY ALL
),
-- Nearly all sightings name the same body as the one before: they are excluded here.
turn AS (
    SELECT * FROM latest
    WINDOW timeline AS (PARTITION BY _type, _id, _shape ORDER BY _at)
    QUALIFY seq IS DISTINCT FROM lag(seq) OVER timeline
        OR writer IS DISTINCT FROM lag(writer) OVER timeline
),
body AS (
    SELECT DISTINCT writer, seq, type AS _type, id AS _id, shape AS _shape, hash, observed_at
    FROM read_parquet($events)
    WHERE kind = 'entity' AND type IN ($types) $one_event
),
valued AS (
    SELECT turn.*, hash, observed_at,
        hash IS DISTINCT FROM lag(hash) OVER timeline AS is_first
    FROM turn JOIN body
        ON body.writer = turn.writer AND body.seq = turn.seq AND body._type = turn._type
        AND body._id = turn._id AND body._shape IS NOT DISTINCT FROM turn._shape
    WINDOW timeline AS (PARTITION BY turn._type, turn._id, turn._shape ORDER BY _at)
),
run AS (
    SELECT
        _id, writer, seq, observed_at,
        last_value(CASE WHEN is_first THEN {'at': _at, 'position': position} END IGNORE NULLS)
            OVER (timeline ROWS UNBOUNDED PRECEDING) AS first,
        min(CASE WHEN is_first THEN _at END)
            OVER (timeline ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS until
    FROM valued
    WINDOW timeline AS (PARTITION BY _type, _id, _shape ORDER BY _at)
),
moved AS MATERIALIZED (
    SELECT DISTINCT _id, writer, seq, first, until FROM run WHERE first['at'] <> observed_at
),
sync AS (
    SELECT _position, any_value(epoch) AS epoch
    FROM read_parquet($events)
    WHERE _position IN (SELECT first['position'] FROM moved)
    GROUP BY ALL
)
SELECT
    _id, writer AS _writer, seq AS _seq, first['at'] AS since,
    coalesce(until, TIMESTAMPTZ '9999-01-01 00:00:00+00') AS until, sync.epoch
FROM moved LEFT JOIN sync ON sync._position = first['position']
