-- The columns of rows: those of bodies, and what is known of the entity.
SELECT *, NULL::TIMESTAMPTZ AS _seen_at, NULL::TIMESTAMPTZ AS _first_at,
    NULL::TIMESTAMPTZ AS _last_at, NULL::TIMESTAMPTZ AS _absent_since,
    NULL::VARCHAR AS _absent_because
FROM read_parquet($bodies)
LIMIT 0
