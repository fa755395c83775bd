-- In: the tables of `presence.sql`; files of bodies.
-- Out: the view as of T: per present entity, the body that its winning sighting names.
WITH $presence
SELECT $once
    $key_of_winner AS $key,
    body.* EXCLUDE ($hidden) $as_json,
    $computed
    winner._id,
    $provenance
FROM winner
JOIN entity USING (_type, _id)
JOIN $body AS body
    ON body._writer = winner.best['writer'] AND body._seq = winner.best['seq']
$start
WHERE entity.by_listing IS NULL AND entity.gone_at IS NULL $given
