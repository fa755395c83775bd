-- In: the sightings of a keyframe, types. Out: where the bodies that they name lie.
SELECT _writer, _seq FROM read_parquet($seen) WHERE NOT _gone AND list_contains($types, _type)
