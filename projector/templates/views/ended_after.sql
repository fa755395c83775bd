-- In: `$listings`, complete listings by scope and `$key`; `$points`, a table of scope and position.
-- Out: `$name` (scope, position, ended): of the listings of the scope with a key after the position,
-- the one that ended first; no row if there is none. This is a window function because DuckDB
-- plans an ASOF join as a nested loop if it expects few rows.
$name AS (
    SELECT scope, position, ended
    FROM (
        SELECT scope, position, is_point, min(ended) OVER (
            PARTITION BY scope ORDER BY position DESC, NOT is_point ROWS UNBOUNDED PRECEDING
        ) AS ended
        FROM (
            SELECT DISTINCT
                scope, position, true AS is_point,
                NULL::STRUCT(
                    ended_at TIMESTAMPTZ, scope VARCHAR, run VARCHAR, begins UUID, writer VARCHAR
                ) AS ended
            FROM $points
            UNION ALL
            SELECT
                scope, $key, false,
                {
                    'ended_at': ended['at'], 'scope': scope, 'run': run, 'begins': begins,
                    'writer': writer
                }
            FROM $listings SEMI JOIN (SELECT scope FROM $points) AS asked USING (scope)
        )
    )
    WHERE is_point AND ended IS NOT NULL
)
