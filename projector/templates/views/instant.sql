coalesce(
    CASE WHEN regexp_matches(t::VARCHAR, '\d\d:\d\d.*(Z|[-+]\d\d)')
        THEN t::VARCHAR::TIMESTAMPTZ
        ELSE (t::VARCHAR::TIMESTAMP) AT TIME ZONE 'UTC' END,
    TIMESTAMPTZ '9999-01-01 00:00:00+00')
