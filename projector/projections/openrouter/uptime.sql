-- openrouter.uptime: how an endpoint's uptime and status moved, as the public API told them
-- reads: view
-- A row holds from `valid_from` to `valid_to`, NULL while it lasts. Percent; NULL where upstream
-- counted no requests. Without a key upstream tells no latency and no throughput.
SELECT
    id AS endpoint_id, model_id, canonical_model_id, tag, provider_name, status,
    uptime_5m, uptime_30m, uptime_1d, valid_from,
    coalesce(lead(valid_from) OVER (PARTITION BY id, _shape, spell ORDER BY valid_from), ended_at)
        AS valid_to,
    _segment, _seq
FROM (
    SELECT *, last_value(valid_to) OVER (
        PARTITION BY id, _shape, spell ORDER BY valid_from
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS ended_at
    FROM (
        SELECT *, count(*) FILTER (is_new) OVER (PARTITION BY id, _shape ORDER BY valid_from) AS spell
        FROM (
            SELECT *, coalesce(valid_from <> lag(valid_to) OVER (
                PARTITION BY id, _shape ORDER BY valid_from), true) AS is_new
            FROM openrouter.endpoints_versions
        )
    )
    QUALIFY is_new OR (status, uptime_5m, uptime_30m, uptime_1d) IS DISTINCT FROM
        lag((status, uptime_5m, uptime_30m, uptime_1d)) OVER (
            PARTITION BY id, _shape, spell ORDER BY valid_from)
)
