-- SQL join: since when the value of a row was seen, if not since its body was stored.
LEFT JOIN read_parquet($starts) AS start
    ON start._writer = body._writer AND start._seq = body._seq
    AND start.since <= $seen_at AND start.until > $seen_at
