-- log.segments: one row per segment of the log that the views have read
-- reads: view
SELECT
    segment,
    source,
    min(writer) AS writer,
    count(*) AS events,
    min(seq) AS first_seq,
    max(seq) AS last_seq,
    min(observed_at) AS first_observed_at,
    max(observed_at) AS last_observed_at,
    count(*) FILTER (kind = 'entity') AS entities,
    count(*) FILTER (kind = 'page') AS pages
FROM log.events
GROUP BY segment, source
