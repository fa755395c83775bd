-- Out: how many sightings there are of the entities to be looked at.
WITH $touched
every AS (
    SELECT _id FROM read_parquet($sightings) WHERE _type IN ($types) $one
)
SELECT count(*) FROM every
