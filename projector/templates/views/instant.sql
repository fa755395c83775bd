-- SQL expression: an instant from a value of any type. A text without a time zone is UTC; NULL
-- means the end of time, that is, the newest state.
coalesce(
    CASE WHEN regexp_matches($value::VARCHAR, '\d\d:\d\d.*(Z|[-+]\d\d)')
        THEN $value::VARCHAR::TIMESTAMPTZ
        ELSE ($value::VARCHAR::TIMESTAMP) AT TIME ZONE 'UTC' END,
    TIMESTAMPTZ '9999-01-01 00:00:00+00')
