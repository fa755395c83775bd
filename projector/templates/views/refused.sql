-- Lines left out of the parts of the present definitions, or of all.
SELECT DISTINCT * FROM read_parquet($files)
WHERE definition IS NULL OR definition IN ($hashes)
