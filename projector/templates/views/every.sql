list_transform(string_split($files, ','),
    lambda p: coalesce(getvariable('hindlog_root'), $root) || '/views/' || p)
