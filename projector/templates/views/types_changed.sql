-- In: files with the sightings and pages that can matter after an instant; the tables of
-- `presence.sql` and `spans.sql` over those of them that are not before it or are in `kept`.
-- Out: the types of which any entity appeared, changed, was gone or came back at or after the
-- instant, in any shape.
-- `kept`: the earlier sightings that still count then, by the rule of `keyframe_seen.sql`, except
-- for the first ones. So the windows of the other tables are short.
WITH summary AS MATERIALIZED (
    SELECT _type, _id, _shape, _scope, _listing, _gone, _writer, max(_position) AS last
    FROM read_parquet($sightings)
    WHERE _type IN ($types) AND _at < $since
    GROUP BY
        _type, _id, _shape, _scope, _listing, _gone, _writer, CASE WHEN _gone THEN _position END
),
kept AS MATERIALIZED (
    SELECT _type, _id, max(last) AS _position FROM summary WHERE NOT _gone
    GROUP BY _type, _id, _shape, _writer
    UNION
    SELECT _type, _id, max(last) FROM summary WHERE _listing GROUP BY _type, _id, _scope
    UNION
    SELECT _type, _id, summary.last
    FROM summary LEFT JOIN (
        SELECT _type, _id, max(last) AS seen FROM summary WHERE NOT _gone GROUP BY ALL
    ) USING (_type, _id)
    WHERE _gone AND (seen IS NULL OR summary.last > seen)
),
$presence,
$spans
SELECT DISTINCT _type FROM version WHERE valid_from >= $since
