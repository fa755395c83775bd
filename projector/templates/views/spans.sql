-- In: the tables of `presence.sql`; the same files and types; the files of events.
-- Out: `version`: one row per entity, shape and interval [valid_from, valid_to) in which the body
-- stays the same. `told` has the body's hash, writer and seq, and is NULL while the entity is
-- absent. Absences begin (+1) and end (-1); the body counts while their sum is not positive.
sighting AS MATERIALIZED (
    SELECT _type, _id, _shape, _scope, _listing, _gone, _position, _at, _writer, _seq
    FROM read_parquet($sightings)
    WHERE _type IN ($types) AND _at <= $instant $one
),
listed AS MATERIALIZED (
    SELECT
        _type, _id, _position AS position, _at AS shown_at,
        last_value(_scope IGNORE NULLS) OVER (
            PARTITION BY _type, _id ORDER BY _position ROWS UNBOUNDED PRECEDING
        ) AS scope,
        lead(_at) OVER (PARTITION BY _type, _id ORDER BY _position) AS next_at
    FROM sighting
    WHERE _listing
),
listed_on AS (
    SELECT _type, _id, _scope, min(_position) AS since
    FROM sighting
    WHERE _listing AND _scope IS NOT NULL
    GROUP BY _type, _id, _scope
    QUALIFY count(*) OVER (PARTITION BY _type, _id) > 1
),
$missed,
probed AS (
    SELECT _type, _id, _at, _gone, min(CASE WHEN NOT _gone THEN _at END) OVER (
        PARTITION BY _type, _id ORDER BY _position ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS next_at
    FROM sighting
    WHERE (_type, _id) IN (SELECT (_type, _id) FROM seen WHERE _gone)
),
gap AS (
    SELECT _type, _id, ended['ended_at'] AS absent_from, next_at
    FROM listed JOIN unlisted USING (_type, _id, position)
    WHERE ended['ended_at'] < coalesce(next_at, TIMESTAMPTZ '9999-01-01 00:00:00+00')
    UNION ALL
    SELECT _type, _id, _at, next_at FROM probed WHERE _gone
),
body_hash AS (
    SELECT DISTINCT writer AS _writer, seq AS _seq, hash AS _hash
    FROM read_parquet($events)
    WHERE kind = 'entity' AND type IN ($types) $one_event
),
told AS (
    SELECT _type, _id, _shape, _at, arg_max({'hash': _hash, 'writer': _writer, 'seq': _seq}, _position) AS told
    FROM sighting JOIN body_hash USING (_writer, _seq)
    WHERE NOT _gone AND ($shapes)
    GROUP BY ALL
),
turn AS (
    SELECT _type, _id, _shape, _at, told, 0 AS delta
    FROM told
    QUALIFY told['hash'] IS DISTINCT FROM
        lag(told['hash']) OVER (PARTITION BY _type, _id, _shape ORDER BY _at)
    UNION ALL
    SELECT forms._type, forms._id, forms._shape, edge._at, NULL, edge.delta
    FROM (SELECT DISTINCT _type, _id, _shape FROM told) AS forms
    JOIN (
        SELECT _type, _id, absent_from AS _at, 1 AS delta FROM gap
        UNION ALL
        SELECT _type, _id, next_at, -1 FROM gap WHERE next_at IS NOT NULL
    ) AS edge USING (_type, _id)
),
moment AS (
    SELECT _type, _id, _shape, _at, any_value(told) AS told, sum(delta) AS delta
    FROM turn
    GROUP BY ALL
),
state AS (
    SELECT
        _type, _id, _shape, _at,
        CASE WHEN sum(delta) OVER past <= 0 THEN last_value(told IGNORE NULLS) OVER past END
            AS told
    FROM moment
    WINDOW past AS (PARTITION BY _type, _id, _shape ORDER BY _at)
),
version AS (
    SELECT _type, _id, _shape, told, _at AS valid_from,
        lead(_at) OVER (PARTITION BY _type, _id, _shape ORDER BY _at) AS valid_to
    FROM (
        FROM state
        QUALIFY told['hash'] IS DISTINCT FROM
            lag(told['hash']) OVER (PARTITION BY _type, _id, _shape ORDER BY _at)
    )
)
