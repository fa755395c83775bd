-- In: the file of starts; those found anew; the entities among which they were found.
-- Out: the number of starts that are only in the file or only among those found.
WITH $touched
before AS (
    FROM read_parquet($before) WHERE _id IN (SELECT touched._id FROM touched)
),
found AS (
    FROM read_parquet($found)
)
SELECT count(*) FROM ((FROM before EXCEPT FROM found) UNION ALL (FROM found EXCEPT FROM before))
