-- The entities that were seen at or after an instant.
touched AS MATERIALIZED (
    SELECT DISTINCT _id
    FROM read_parquet($sightings)
    WHERE _type IN ($types) AND _at >= $since $bucket
),
