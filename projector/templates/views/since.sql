strptime(coalesce(list_max(list_filter(string_split($instants, ','), lambda k: k <> ''
    AND k <= strftime($instant AT TIME ZONE 'UTC', '%Y%m%dT%H%M%S%f'))), '00010101T000000000000'),
    '%Y%m%dT%H%M%S%f') AT TIME ZONE 'UTC'
