coalesce(list_max(list_filter(string_split('$keyframes', ','),
    lambda k: k <> '' AND split_part(k, '~', 1) <= $until)), '')
