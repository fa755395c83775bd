-- Out: the first sighting, at or after an instant, of a body that no part contains yet.
SELECT epoch_us(min(_at))
FROM read_parquet($sightings) AS sighting ANTI JOIN (
    SELECT writer, seq FROM read_parquet($events) WHERE kind = 'entity'
) AS event ON event.writer = sighting._writer AND event.seq = sighting._seq
WHERE _type IN ($types) AND NOT _gone AND _at >= $since
