list_transform(
    list_filter(['$always', split_part($keyframe, '~', 2)], lambda p: p <> ''),
    lambda p: coalesce(getvariable('hindlog_root'), '$root') || '/views/' || p)
