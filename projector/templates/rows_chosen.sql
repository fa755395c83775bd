-- In: files of sightings, which entities. Out: their sightings.
SELECT * FROM read_parquet([$files]) WHERE $chosen
