-- In: files of bodies.
-- Out: no rows, with the columns of the row cache: the body's, and those about the entity.
SELECT *, NULL::TIMESTAMPTZ AS _seen_at, NULL::TIMESTAMPTZ AS _first_at,
    NULL::TIMESTAMPTZ AS _last_at, NULL::TIMESTAMPTZ AS _absent_since,
    NULL::VARCHAR AS _absent_because
FROM read_parquet($bodies)
LIMIT 0
