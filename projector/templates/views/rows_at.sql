-- The view at T, from the last rows not after T and what moved since.
WITH $shown
SELECT
    body._id::$key_type AS $key,
    body.* EXCLUDE ($hidden, $resolved),
    $provenance
    $absence
FROM shown AS body
WHERE $which $given
