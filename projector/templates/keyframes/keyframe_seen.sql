-- In: files of sightings: the keyframe before, and the parts since.
-- Out: those that still count, as they are. Of every entity the first; per shape and writer the
-- last; per scope the last on a listing; and every `gone` that no sighting followed. Per writer,
-- because its next page names a body of its own, which the keyframe's bodies should hold.
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
