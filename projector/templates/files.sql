list_transform(
    flatten(list_transform(
        [coalesce(list_max(list_filter(string_split('$keyframes', ','), lambda k: k <> ''
            AND split_part(k, '~', 1) <= strftime($instant AT TIME ZONE 'UTC', '%Y%m%dT%H%M%S%f'))), '')],
        lambda k: list_concat(
            $first
            list_filter(string_split('$dated', ','), lambda p: p <> ''
                AND split_part(p, '~', 1) <= strftime($instant AT TIME ZONE 'UTC', '%Y%m%dT%H%M%S%f')
                AND split_part(p, '~', 1) > split_part(k, '~', 1)),
            string_split(k, '~')[2:],
            $last []))),
    lambda p: coalesce(getvariable('hindlog_root'), '$root') || '/views/' || split_part(p, '~', -1))
