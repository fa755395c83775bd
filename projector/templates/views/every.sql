-- SQL expression: the paths of a list of files that does not depend on the instant.
list_transform(string_split($files, ','),
    lambda p: coalesce(getvariable('hindlog_root'), $root) || '/views/' || p)
