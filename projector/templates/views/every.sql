-- SQL expression: the paths of a file list that is the same for every instant.
list_transform(string_split($files, ','),
    lambda p: coalesce(getvariable('hindlog_root'), $root) || '/views/' || p)
