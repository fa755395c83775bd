-- The versions up to T: maximal runs of sightings with the same value hash, cut where the
-- entity is absent. Half-open; `valid_to` NULL while it lasts.
CREATE MACRO $schema.$at(t) AS TABLE
WITH $presence,
sighting AS MATERIALIZED (
    SELECT _type, _id, _shape, _scope, _listing, _gone, _position, _at, _writer, _seq
    FROM read_parquet($sightings)
    WHERE _type IN ($types) AND _at <= $instant
),
listed AS (
    SELECT
        _type, _id, _position,
        lead(_at) OVER (PARTITION BY _type, _id ORDER BY _position) AS next_at
    FROM sighting
    WHERE _listing
),
known AS (
    SELECT _type, _id, _scope, min(_position) AS since
    FROM sighting
    WHERE _listing AND _scope IS NOT NULL
    GROUP BY ALL
),
gap AS (
    SELECT fence.ended['at'] AS absent_from, wait._type, wait._id, wait.next_at
    FROM (
        SELECT listed._type, listed._id, listed._position, listed.next_at, known._scope
        FROM listed JOIN known USING (_type, _id)
        WHERE known.since <= listed._position
    ) AS wait
    ASOF JOIN fence ON wait._scope = fence.scope AND wait._position < fence.begins
    WHERE wait.next_at IS NULL OR fence.ended['at'] < wait.next_at
    UNION ALL
    SELECT gone._at, gone._type, gone._id, back._at
    FROM (FROM sighting WHERE _gone) AS gone
    ASOF LEFT JOIN (FROM sighting WHERE NOT _gone) AS back
        ON gone._type = back._type AND gone._id = back._id AND gone._position < back._position
),
body_hash AS (
    SELECT DISTINCT _writer, _seq, _hash FROM read_parquet($bodies)
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
SELECT DISTINCT ON (version._type, version._id, version._shape, version.valid_from $row)
    version._id::$key_type AS $key,
    body.* EXCLUDE ($hidden),
    $provenance,
    version.valid_from,
    version.valid_to
FROM version
JOIN entity USING (_type, _id)
JOIN read_parquet($bodies) AS body
    ON body._writer = version.told['writer'] AND body._seq = version.told['seq']
WHERE version.told IS NOT NULL $given
