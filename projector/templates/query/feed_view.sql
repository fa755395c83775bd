-- Out: the changes that a view shows, up to now.
SELECT
    changed_at, _id AS id, change, path, kind, old, new, is_telemetry, is_wave,
    coalesce(_shape, '') AS shape
FROM $view
WHERE $telemetry OR NOT is_telemetry
