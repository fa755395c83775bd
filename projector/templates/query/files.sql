list_transform(
    flatten(list_transform(
        [strftime($instant AT TIME ZONE 'UTC', '%Y%m%dT%H%M%S%f') || '~~'],
        lambda now: flatten(list_transform(
            [coalesce(list_max(list_filter(
                string_split($keyframes, ','), lambda k: k <> '' AND k < now)), '')],
            lambda k: list_concat(
                $first
                list_filter(string_split($dated, ','), lambda p: p <> ''
                    AND p < now AND split_part(p, '~', 1) > split_part(k, '~', 1)),
                string_split(k, '~')[2:],
                $last []))))),
    lambda p: coalesce(getvariable('hindlog_root'), $root) || '/views/' || split_part(p, '~', -1))
