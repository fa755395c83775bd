-- log.anomalies: what could not be an entity, kept whole in the log
-- reads: view
SELECT observed_at, source, writer, seq, run, epoch, endpoint, url, status, why, segment
FROM log.events
WHERE kind = 'anomaly'
