-- log.events: the envelope of every event, in the order of the log
-- reads: line
SELECT
    position AS _position, observed_at, source_of(segment) AS source, writer, seq, kind,
    run, epoch, type, id, parent_type, parent_id, shape, endpoint, hash, segment,
    CASE WHEN kind NOT IN ('entity', 'page') THEN coalesce(body, evidence, reason, error)::VARCHAR END AS detail,
    state, coalesce(repaired, false) AS repaired
FROM line
