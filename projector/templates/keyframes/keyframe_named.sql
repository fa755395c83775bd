-- In: the sightings of a keyframe; types.
-- Out: the positions (writer, seq) of the bodies that these sightings name.
SELECT _writer, _seq FROM read_parquet($seen) WHERE NOT _gone AND list_contains($types, _type)
