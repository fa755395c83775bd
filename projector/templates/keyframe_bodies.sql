-- In: the sightings of a keyframe, types, bodies (those of the keyframe before, and since).
-- Out: the rows of the bodies that they name.
SELECT *
FROM read_parquet($bodies)
WHERE (_writer, _seq) IN (
    SELECT (_writer, _seq) FROM read_parquet($seen) WHERE NOT _gone AND list_contains($types, _type)
)
