-- In: the selected rows; a file without rows, which has the columns of bodies.
-- Out: the selected rows without a body: the body's columns are NULL.
SELECT $columns, $told
FROM (SELECT * FROM read_parquet($picked) WHERE _number IS NULL) AS picked
LEFT JOIN read_parquet($schema) AS body ON false
