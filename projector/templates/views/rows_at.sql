-- In: the tables up to `shown` (`moved.sql`, `presence.sql`, `resolved.sql`), which start from the
-- last row cache not after T and apply the later sightings.
-- Out: the view as of T.
WITH $shown
SELECT
    body._id::$key_type AS $key,
    body.* EXCLUDE ($hidden, $resolved),
    $provenance
    $absence
FROM shown AS body
WHERE $which $given
