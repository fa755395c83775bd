SELECT DISTINCT ON (_position $row) * EXCLUDE (_position)
FROM read_parquet($files)
WHERE $at <= $instant
