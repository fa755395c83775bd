list_transform(
    list_concat(['$always'],
        list_filter(string_split('$dated', ','), lambda p: p <> ''
            AND split_part(p, '~', 1) <= $until AND split_part(p, '~', 1) > split_part($keyframe, '~', 1)),
        string_split($keyframe, '~')[$extra:]),
    lambda p: coalesce(getvariable('hindlog_root'), '$root') || '/views/' || split_part(p, '~', -1))
