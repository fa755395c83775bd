-- Out: the versions up to T: maximal runs of sightings with the same value hash, interrupted
-- where the entity is absent. [valid_from, valid_to); `valid_to` is NULL while a version lasts.
WITH $presence,
$spans
SELECT DISTINCT ON (version._type, version._id, version._shape, version.valid_from $row)
    $key_of_version AS $key,
    body.* EXCLUDE ($hidden) $as_json,
    $computed
    version._id,
    $provenance,
    version.valid_from,
    version.valid_to
FROM version
JOIN entity USING (_type, _id)
JOIN read_parquet($bodies) AS body
    ON body._writer = version.told['writer'] AND body._seq = version.told['seq']
$start
WHERE version.told IS NOT NULL $given
