-- In: the sightings of a keyframe; files of pages: the previous keyframe's and later parts.
-- Out: the unchanged pages that can still affect presence: those of every complete listing that
-- is the first to miss an entity, and of every pagination that can still become the first.
-- A pagination that began before a complete one cannot become the first. Its first page is kept
-- anyway: if the same page is recorded again, the copy must not count as the beginning.
WITH $listings,
seen AS (
    SELECT _type, _id, _scope, _position FROM read_parquet($seen) WHERE _listing
),
point AS (
    SELECT DISTINCT seen._scope AS scope, listed.position
    FROM seen
    JOIN (SELECT _type, _id, max(_position) AS position FROM seen GROUP BY ALL) AS listed
        USING (_type, _id)
    WHERE seen._scope IS NOT NULL
),
$ended_after,
first_miss AS (
    SELECT DISTINCT scope, ended['run'] AS run, ended['writer'] AS writer, ended['begins'] AS begins
    FROM ended_after
),
begun AS (
    SELECT scope, run, writer, min(place['position']) FILTER (page_no = 1) AS begins
    FROM walk
    GROUP BY ALL
),
kept_walk AS (
    SELECT scope, run, writer FROM first_miss
    UNION ALL
    SELECT scope, run, writer
    FROM begun LEFT JOIN (SELECT scope, max(begins) AS last FROM listing GROUP BY ALL) USING (scope)
    WHERE begins IS NULL OR last IS NULL OR begins > last
)
SELECT page.*
FROM read_parquet($pages) AS page
WHERE kind = 'page' AND scope IS NOT NULL AND page_no IS NOT NULL AND CASE
    WHEN page_no = 1 AND last THEN _position IN (SELECT begins FROM first_miss)
    ELSE page_no = 1 OR EXISTS (
        FROM kept_walk
        WHERE kept_walk.scope = page.scope AND kept_walk.writer = page.writer
            AND kept_walk.run IS NOT DISTINCT FROM page.run
    ) END
