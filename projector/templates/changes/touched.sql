-- The entities to examine.
touched AS MATERIALIZED (
    SELECT _id FROM read_parquet($touched) WHERE true $bucket
),
