-- Out: the lines that the parts of these definitions leave out, and those that no part has.
-- In: hashes of the definitions.
SELECT DISTINCT * FROM read_parquet($files)
WHERE definition IS NULL OR definition IN ($hashes)
