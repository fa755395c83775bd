-- SQL columns: the provenance of a row.
coalesce(start.since, least(body._body_at, $seen_at)) AS _observed_at,
        $first_at AS _first_seen_at,
        $last_at AS _last_seen_at,
        body._hash, body._shape, body._endpoint, body._params::JSON AS _params, body._run,
        CASE WHEN start.since IS NULL THEN body._epoch ELSE start.epoch END AS _epoch,
        body._segment, body._writer, body._seq, body._errors
