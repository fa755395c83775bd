-- The differences kept so far: (type, hash before, hash after) and one field each.
CREATE MACRO $schema._diffs() AS TABLE
SELECT DISTINCT * FROM read_parquet($diffs)
