-- SQL expression: an instant from a value of any type. A text without a time zone is UTC; NULL
-- means the end of time, that is, the newest state. An instant in the future is an error: the
-- cast of the message fails. (`error` would keep DuckDB from evaluating this while it plans.)
CASE WHEN $value IS NULL THEN TIMESTAMPTZ '9999-01-01 00:00:00+00'
        WHEN (CASE WHEN regexp_matches($value::VARCHAR, '\d\d:\d\d.*(Z|[-+]\d\d)')
                THEN $value::VARCHAR::TIMESTAMPTZ
                ELSE ($value::VARCHAR::TIMESTAMP) AT TIME ZONE 'UTC' END) > now()
            THEN ('as of ' || $value::VARCHAR || ': that is in the future')::TIMESTAMPTZ
        WHEN regexp_matches($value::VARCHAR, '\d\d:\d\d.*(Z|[-+]\d\d)')
            THEN $value::VARCHAR::TIMESTAMPTZ
        ELSE ($value::VARCHAR::TIMESTAMP) AT TIME ZONE 'UTC' END
