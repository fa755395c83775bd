-- SQL expression: the paths of the files with everything that can matter after an instant.
-- In: `dated` and `keyframes` as in `files.sql`; the instant `$since`.
-- Out: the files of the last keyframe before the instant, all dated files that begin after that
-- keyframe, and the files that every query reads.
list_transform(
    flatten(list_transform(
        [coalesce(list_max(list_filter(
            string_split($keyframes, ','),
            lambda k: k <> '' AND k < strftime($since AT TIME ZONE 'UTC', '%Y%m%dT%H%M%S%f'))), '')],
        lambda k: list_concat(
            list_filter(string_split($dated, ','), lambda p: p <> ''
                AND split_part(p, '~', 1) > split_part(k, '~', 1)),
            string_split(k, '~')[2:],
            [$always]))),
    lambda p: coalesce(getvariable('hindlog_root'), $root) || '/views/' || split_part(p, '~', -1))
