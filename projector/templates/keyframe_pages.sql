-- In: the sightings of a keyframe, the pages up to it, a file with the columns of pages.
-- Out: pages that say as much: a page for each complete listing that is the first to miss an
-- entity (it stands where the listing began and tells when it ended), and the pages of walks
-- that may still become the first. A walk that began before another complete one may not.
WITH $listings,
seen AS (
    SELECT _type, _id, _scope, max(_position) AS position
    FROM read_parquet($seen)
    WHERE _listing
    GROUP BY ALL
),
listed AS (
    SELECT _type, _id, max(position) AS position FROM seen GROUP BY ALL
),
point AS (
    SELECT DISTINCT seen._scope AS scope, listed.position
    FROM seen JOIN listed USING (_type, _id)
    WHERE seen._scope IS NOT NULL
),
first_miss AS (
    SELECT DISTINCT scope, ended
    FROM (
        SELECT scope, is_point, min(ended) OVER (
            PARTITION BY scope ORDER BY position DESC, NOT is_point ROWS UNBOUNDED PRECEDING
        ) AS ended
        FROM (
            SELECT
                scope, position, true AS is_point,
                NULL::STRUCT(ended_at TIMESTAMPTZ, run VARCHAR, begins UUID, writer VARCHAR) AS ended
            FROM point
            UNION ALL
            SELECT
                scope, begins, false,
                {'ended_at': ended['at'], 'run': run, 'begins': begins, 'writer': writer}
            FROM listing
        )
    )
    WHERE is_point AND ended IS NOT NULL
),
waiting AS (
    SELECT walk.*
    FROM (
        SELECT *, min(place['position']) FILTER (page_no = 1)
            OVER (PARTITION BY scope, run, writer) AS begins
        FROM walk
    ) AS walk
    LEFT JOIN (SELECT scope, max(begins) AS last FROM listing GROUP BY ALL) USING (scope)
    WHERE begins IS NULL OR last IS NULL OR begins > last
)
SELECT * FROM read_parquet($schema)
UNION ALL BY NAME
SELECT
    'page' AS kind, scope, ended['run'] AS run, ended['writer'] AS writer, 1 AS page_no,
    true AS last, ended['begins'] AS _position, ended['ended_at'] AS observed_at
FROM first_miss
UNION ALL BY NAME
SELECT
    'page' AS kind, scope, run, writer, page_no, false AS last,
    place['position'] AS _position, place['at'] AS observed_at
FROM waiting
UNION ALL BY NAME
SELECT
    'page' AS kind, scope, run, writer, page_no, true AS last,
    ended['position'] AS _position, ended['at'] AS observed_at
FROM waiting
WHERE ended IS NOT NULL
