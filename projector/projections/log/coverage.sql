-- log.coverage: when somebody looked: a complete listing speaks until the next one
-- reads: view
-- At most 1.5 times the interval in force, the median of the twenty before it; after that
-- nobody looked. `is_regular`: enough looks to know how often somebody does. A scope with one listing only speaks for the instant it ended.
SELECT
    source,
    scope,
    ended_at AS covered_from,
    CASE
        WHEN next_at IS NULL THEN ended_at + coalesce(1.5 * usual, INTERVAL 0 SECOND)
        ELSE least(next_at, ended_at + 1.5 * coalesce(usual, next_at - ended_at))
    END AS covered_to,
    next_at IS NOT NULL AND next_at <= ended_at + 1.5 * coalesce(usual, next_at - ended_at)
        AS complete,
    usual IS NOT NULL AND looks > 2 AS is_regular,
    run,
    CASE
        WHEN next_at IS NULL THEN 'the last look so far'
        WHEN next_at <= ended_at + 1.5 * coalesce(usual, next_at - ended_at) THEN NULL
        ELSE 'nobody looked from then until ' || next_at::VARCHAR
    END AS why
FROM (
    SELECT *, count(*) OVER looks AS looks,
    to_microseconds(median(epoch_us(next_at) - epoch_us(ended_at)) OVER (
        looks ROWS BETWEEN 20 PRECEDING AND CURRENT ROW
    )::BIGINT) AS usual
    FROM (
        SELECT *, lead(ended_at) OVER looks AS next_at
        FROM log.listings
        WINDOW looks AS (PARTITION BY source, scope ORDER BY ended_at, run, writer)
    )
    WINDOW looks AS (PARTITION BY source, scope ORDER BY ended_at, run, writer)
)
