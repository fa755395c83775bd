-- log.events: the envelope of every event, in the order of the log
-- reads: line
SELECT
    position AS _position, observed_at, source_of(segment) AS source, writer, seq, kind,
    run, epoch, type, id, parent_type, parent_id, shape, endpoint, hash, segment,
    url, status, state, listing, pages, entities,
    json_extract_string(coalesce(why, evidence, reason, error), '$') AS why,
    coalesce(repaired, false) AS repaired
FROM line
