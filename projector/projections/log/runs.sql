-- log.runs: one row per run: what it walked, how it ended, how long it took
-- reads: view
SELECT
    source,
    run,
    min(epoch) AS epoch,
    min(listing) AS listing,
    min(endpoint) AS endpoint,
    arg_max(state, (observed_at, writer, seq)) AS state,
    min(observed_at) AS created_at,
    max(observed_at) FILTER (state <> 'created' AND state <> 'progressed') AS finished_at,
    arg_max(pages, (observed_at, writer, seq)) AS pages,
    arg_max(entities, (observed_at, writer, seq)) AS entities,
    arg_max(why, (observed_at, writer, seq)) AS why
FROM log.events
WHERE kind = 'run'
GROUP BY source, run
