-- log.runs: one row per run: what it walked, how it ended, how long it took
-- reads: view
SELECT
    source,
    run,
    any_value(epoch) AS epoch,
    any_value(listing) AS listing,
    any_value(endpoint) AS endpoint,
    arg_max(state, (observed_at, seq)) AS state,
    min(observed_at) AS created_at,
    max(observed_at) FILTER (state <> 'created' AND state <> 'progressed') AS finished_at,
    arg_max(pages, (observed_at, seq)) AS pages,
    arg_max(entities, (observed_at, seq)) AS entities,
    arg_max(why, (observed_at, seq)) AS why
FROM log.events
WHERE kind = 'run'
GROUP BY source, run
