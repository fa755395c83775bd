-- Out: the first and the last sighting up to T of every body of one source.
SELECT
    $source AS source, _writer AS writer, _seq AS seq, min(_at) AS first_at, max(_at) AS last_at
FROM read_parquet($files)
WHERE NOT _gone AND _at <= $instant
GROUP BY ALL
