-- In: files of sightings: the previous keyframe's and those of later parts.
-- Out: the unchanged sightings that can still affect a view. Per entity: the first; the last per
-- shape and writer; the last on a listing per scope; every tombstone after the last sighting.
-- Per writer, because the next page of a writer may name that writer's last body, which must
-- therefore be among the keyframe's bodies.
WITH told AS MATERIALIZED (
    SELECT
        _type, _id, _shape, _scope, _listing, _gone, _writer,
        min(_position) AS first, max(_position) AS last
    FROM read_parquet($sightings)
    GROUP BY
        _type, _id, _shape, _scope, _listing, _gone, _writer, CASE WHEN _gone THEN _position END
),
kept AS (
    SELECT _type, _id, max(last) AS _position FROM told WHERE NOT _gone
    GROUP BY _type, _id, _shape, _writer
    UNION ALL
    SELECT _type, _id, max(last) FROM told WHERE _listing GROUP BY _type, _id, _scope
    UNION ALL
    SELECT _type, _id, min(first) FROM told WHERE NOT _gone GROUP BY _type, _id
    UNION ALL
    SELECT _type, _id, told.last
    FROM told LEFT JOIN (
        SELECT _type, _id, max(last) AS seen FROM told WHERE NOT _gone GROUP BY ALL
    ) USING (_type, _id)
    WHERE _gone AND (seen IS NULL OR told.last > seen)
)
SELECT sighting.*
FROM read_parquet($sightings) AS sighting SEMI JOIN kept USING (_type, _id, _position)
