-- Out: the changes of the entities of one type in [since, until), one row per change.
FROM $view
SELECT
    changed_at, $type AS type, $key::VARCHAR AS id, change, path, kind, old, new,
    is_telemetry, is_wave, _shape AS shape
WHERE changed_at >= $since::TIMESTAMPTZ AND changed_at < $until::TIMESTAMPTZ
    AND ($telemetry OR NOT is_telemetry) AND ($waves OR NOT is_wave)
ORDER BY changed_at, id, path
