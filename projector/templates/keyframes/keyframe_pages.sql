-- In: the sightings of a keyframe; files of pages: the previous keyframe's and later parts.
-- Out: the unchanged pages that can still affect presence: those of every complete listing that
-- is the first to miss an entity, of those whose distance in time the rule of presence measures,
-- and of every pagination that can still become one of them.
-- A pagination that began before a complete one cannot become the first. Its first page is kept
-- anyway: if the same page is recorded again, the copy must not count as the beginning.
WITH $listings,
seen AS (
    SELECT _type, _id, _scope, _position, _at FROM read_parquet($seen) WHERE _listing
),
listed AS (
    SELECT
        _type, _id, max(_position) AS position, max(_at) AS shown_at, arg_max(_scope, _position) AS scope
    FROM seen
    GROUP BY ALL
),
listed_on AS (
    SELECT _type, _id, _scope, min(_position) AS since
    FROM seen
    WHERE _scope IS NOT NULL
    GROUP BY _type, _id, _scope
    QUALIFY count(*) OVER (PARTITION BY _type, _id) > 1
),
$missed,
first_miss AS MATERIALIZED (
    SELECT ended['scope'] AS scope, ended['begins'] AS begins FROM missed_decided_ended
    UNION
    SELECT ended['scope'], ended['begins'] FROM missed_waiting_ended
    UNION
    SELECT ended['scope'], ended['begins'] FROM missed_borrowed_ended
),
begun AS (
    SELECT
        scope, run, writer, min(place) FILTER (page_no = 1) AS begins
    FROM walk
    GROUP BY ALL
),
open_walk AS (
    SELECT scope, run, writer, begins
    FROM begun LEFT JOIN (SELECT scope, max(begins) AS last FROM listing GROUP BY ALL) USING (scope)
    WHERE begins IS NULL OR last IS NULL OR begins['position'] > last
),
measured AS (
    -- The last two listings of each scope, also those before an open pagination; and what the
    -- rule measured for the entities of several scopes.
    SELECT scope, begins
    FROM (
        SELECT scope, ended['at'] AS ended_at, min(begins) AS begins FROM listing GROUP BY ALL
    )
    QUALIFY row_number() OVER (PARTITION BY scope ORDER BY ended_at DESC) <= 2
    UNION
    SELECT scope, arg_max(listing.begins, ended['at'])
    FROM listing JOIN open_walk USING (scope)
    WHERE ended['at'] < open_walk.begins['at']
    GROUP BY scope, open_walk.begins
    UNION
    SELECT decides, unnest([last['begins'], last['earlier']]) FROM missed_left
    UNION
    SELECT scope, previous FROM missed_borrowed SEMI JOIN first_miss USING (scope, begins)
),
kept AS MATERIALIZED (
    SELECT scope, run, writer, begins
    FROM listing SEMI JOIN (FROM first_miss UNION FROM measured) USING (scope, begins)
),
kept_walk AS (
    SELECT scope, run, writer FROM kept
    UNION ALL
    SELECT scope, run, writer FROM open_walk
)
SELECT page.*
FROM read_parquet($pages) AS page
WHERE kind = 'page' AND scope IS NOT NULL AND page_no IS NOT NULL AND CASE
    WHEN page_no = 1 AND last THEN _position IN (SELECT begins FROM kept)
    ELSE page_no = 1 OR EXISTS (
        FROM kept_walk
        WHERE kept_walk.scope = page.scope AND kept_walk.writer = page.writer
            AND kept_walk.run IS NOT DISTINCT FROM page.run
    ) END
