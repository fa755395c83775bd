-- In: the file of starts; those found anew; the entities among which they were found.
-- Out: the starts of all entities.
WITH $touched
kept AS (
    FROM read_parquet($before) WHERE _id NOT IN (SELECT touched._id FROM touched)
)
FROM kept UNION ALL FROM read_parquet($found)
