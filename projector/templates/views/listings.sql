-- In: files of pages; a condition that selects pages.
-- Out: `listing`: every complete listing, with the position and instant of its first page and of its
-- end. A pagination is complete at its last page if it has every page number from
-- 1 to that one. It ends at its greatest position, so it does not count before all pages arrived.
page AS MATERIALIZED (
    SELECT scope, run, writer, page_no, last, _position AS position, observed_at
    FROM read_parquet($pages)
    WHERE kind = 'page' AND scope IS NOT NULL AND page_no IS NOT NULL AND ($given)
),
walk AS (
    SELECT
        scope, run, writer, page_no,
        min({'position': position, 'at': observed_at}) AS place,
        min({'position': position, 'at': observed_at}) FILTER (last) AS ended
    FROM page
    WHERE NOT (page_no = 1 AND last)
    GROUP BY ALL
),
step AS (
    SELECT
        scope, run, writer, page_no,
        list_max([ended, max(place) OVER pages]) AS ended,
        ended IS NOT NULL AS is_last,
        row_number() OVER pages AS count,
        first_value(place) OVER pages AS first
    FROM walk
    WINDOW pages AS (PARTITION BY scope, run, writer ORDER BY page_no)
),
listing AS (
    SELECT
        scope, run, writer, position AS begins, observed_at AS began_at,
        {'position': position, 'at': observed_at} AS ended
    FROM page
    WHERE page_no = 1 AND last
    UNION ALL
    SELECT scope, run, writer, first['position'], first['at'], ended
    FROM step
    WHERE is_last AND count = page_no
)
