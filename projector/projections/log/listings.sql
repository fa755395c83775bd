-- log.listings: every complete listing: pages 1 to k of one run and scope, k the last
-- reads: view
-- A listing of one page is complete by itself. `began_at` and `ended_at` are those of its
-- first and of its last page.
WITH page AS (
    SELECT source, scope, run, writer, page_no, seq, observed_at, last, entities
    FROM log.pages
    WHERE kind = 'page' AND scope IS NOT NULL AND page_no IS NOT NULL
),
walk AS (
    SELECT
        source, scope, run, writer, page_no,
        min(observed_at) AS observed_at,
        min(observed_at) FILTER (last) AS ended_at,
        arg_min(entities, (observed_at, seq)) AS entities
    FROM page
    WHERE NOT (page_no = 1 AND last)
    GROUP BY ALL
),
step AS (
    SELECT
        source, scope, run, writer, page_no, ended_at IS NOT NULL AS is_last,
        row_number() OVER pages AS count,
        first_value(observed_at) OVER pages AS began_at,
        greatest(ended_at, max(observed_at) OVER pages) AS ended_at,
        sum(entities) OVER pages AS entities
    FROM walk
    WINDOW pages AS (PARTITION BY source, scope, run, writer ORDER BY page_no)
)
SELECT source, scope, run, writer, 1 AS pages, entities, observed_at AS began_at,
    observed_at AS ended_at
FROM page
WHERE page_no = 1 AND last
UNION ALL
SELECT source, scope, run, writer, page_no, entities::BIGINT, began_at, ended_at
FROM step
WHERE is_last AND count = page_no
