-- SQL expression: the paths of the files that a view reads as of an instant.
-- In: two lists separated by commas. `dated`: first~path of each file, where `first` is the
-- first instant of its rows. `keyframes`: instant~path~path… of each keyframe. Instants are
-- texts that sort by time, such as 20261101T120000000000.
-- Out: the files of the last keyframe not after the instant, the dated files that begin after
-- that keyframe and not after the instant, and the files that every query reads.
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
