-- In: the tables up to `shown` (`moved.sql`, `presence.sql`, `resolved.sql`), which start from the
-- last row cache not after T and apply the later sightings.
-- Out: the view as of T.
WITH $shown
SELECT
    $key_of_body AS $key,
    body.* EXCLUDE ($hidden, $resolved) $as_json,
    $computed
    body._id,
    $provenance
    $absence
FROM shown AS body
$start
WHERE $which $given
