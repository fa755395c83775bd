-- Out: one row about an entity of any type as of T: the event that contains the bytes of its
-- greatest sighting, since when it is absent, and by which evidence.
WITH $presence
SELECT
    event.writer, event.seq, event.segment, event.shape, event.hash,
    entity.first_at, entity.last_at,
    entity.by_listing['ended_at'] AS listed_at,
    entity.by_listing['scope'] AS scope,
    entity.by_listing['run'] AS run,
    entity.gone_at,
    (SELECT list(DISTINCT _scope) FROM seen WHERE _listing AND _scope IS NOT NULL) AS scopes
FROM winner
JOIN entity USING (_type, _id)
JOIN read_parquet($events) AS event
    ON event.writer = winner.best['writer'] AND event.seq = winner.best['seq']
LIMIT 1
