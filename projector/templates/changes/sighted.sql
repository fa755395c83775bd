-- In: files of sightings; types; a filter of entities.
-- Out: the number of sightings that pairing these entities has to read.
WITH $touched
every AS (
    SELECT _id FROM read_parquet($sightings) WHERE _type IN ($types) $one
)
SELECT count(*) FROM every
