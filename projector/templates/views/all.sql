-- In: the tables of `presence.sql`; files of bodies.
-- Out: the view as of T, absent entities included, each with the instant since when it is absent
-- and the evidence.
WITH $presence
SELECT $once
    $key_of_winner AS $key,
    body.* EXCLUDE ($hidden) $as_json,
    $computed
    winner._id,
    $provenance,
    least(entity.by_listing['ended_at'], entity.gone_at) AS _absent_since,
    $because AS _absent_because
FROM winner
JOIN entity USING (_type, _id)
JOIN $body AS body
    ON body._writer = winner.best['writer'] AND body._seq = winner.best['seq']
$start
WHERE true $given
