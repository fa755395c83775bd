-- In: the keyframe before and the sightings since (lists of files).
-- Out: per entity, shape, scope and writer the greatest sighting and when the first was, and
-- every `gone` that no sighting followed.
WITH greatest AS MATERIALIZED (
    SELECT
        _type, _id, _shape, _scope, _listing, _gone, _writer,
        max(_position) AS _position,
        max(_at) AS _at,
        min(_first_at) AS _first_at,
        arg_max(_seq, _position) AS _seq
    FROM (
        SELECT _type, _id, _shape, _scope, _listing, _gone, _writer, _position, _at, _first_at, _seq
        FROM read_parquet($keyframe)
        UNION ALL
        SELECT _type, _id, _shape, _scope, _listing, _gone, _writer, _position, _at, _at, _seq
        FROM read_parquet($sightings)
    )
    GROUP BY
        _type, _id, _shape, _scope, _listing, _gone, _writer, CASE WHEN _gone THEN _position END
),
last_seen AS (
    SELECT _type, _id, max(_position) AS last
    FROM greatest
    WHERE NOT _gone AND (_type, _id) IN (SELECT (_type, _id) FROM greatest WHERE _gone)
    GROUP BY ALL
)
SELECT greatest.*
FROM greatest LEFT JOIN last_seen USING (_type, _id)
WHERE NOT _gone OR last IS NULL OR _position > last
