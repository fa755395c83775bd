-- SQL expression: the instant of the last row cache not after the instant of the
-- query, or the year 1 if there is none.
-- In: `instants`, separated by commas, in the form of the names of parts.
strptime(coalesce(list_max(list_filter(string_split($instants, ','), lambda k: k <> ''
    AND k <= strftime($instant AT TIME ZONE 'UTC', '%Y%m%dT%H%M%S%f'))), '00010101T000000000000'),
    '%Y%m%dT%H%M%S%f') AT TIME ZONE 'UTC'
