-- In: what rows say; a file without rows.
-- Out: the rows without a body.
SELECT $columns, $told
FROM (SELECT * FROM read_parquet($picked) WHERE _number IS NULL) AS picked
LEFT JOIN read_parquet($schema) AS body ON false
