-- In: `as_json`, the columns that are JSON.
-- Out: the rows of a view of the log up to T. A row that is in several files counts once.
SELECT DISTINCT ON (_position $row) * EXCLUDE (_position) $as_json
FROM read_parquet($files)
WHERE $at <= $instant
