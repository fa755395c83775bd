-- Out: no row, with the columns of the sightings of a keyframe.
SELECT
    NULL::VARCHAR AS _type, NULL::VARCHAR AS _id, NULL::VARCHAR AS _shape, NULL::VARCHAR AS _scope,
    NULL::BOOLEAN AS _listing, NULL::BOOLEAN AS _gone, NULL::VARCHAR AS _writer,
    NULL::UUID AS _position, NULL::TIMESTAMPTZ AS _at, NULL::TIMESTAMPTZ AS _first_at,
    NULL::BIGINT AS _seq
WHERE false
