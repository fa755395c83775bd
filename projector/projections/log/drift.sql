-- log.drift: where upstream changed the form of its answers: a new, retyped or vanished path
-- reads: view
-- new: first seen more than a day after the type was. retyped: a type that the path did not
-- have on its first day, `null` among them. vanished: by its share before, ten bodies or more
-- with it were to be expected since, and none came (`changed_at`: the first one without it).
-- What lies below a path that came or went with it is not told again.
WITH every_path AS MATERIALIZED (FROM log.paths),
structure AS MATERIALIZED (FROM log.structures),
type AS (
    SELECT source, type, shape, min(first_seen_at) AS known_at FROM every_path GROUP BY ALL
),
kind AS (
    SELECT
        source, type, shape, path, kind,
        min(observed_at) AS first_seen_at,
        arg_min(writer, (observed_at, writer, seq)) AS writer,
        arg_min(seq, (observed_at, writer, seq)) AS seq,
        arg_min(segment, (observed_at, writer, seq)) AS segment
    FROM structure
    GROUP BY source, type, shape, path, kind
),
first_kind AS (
    SELECT path.source, path.type, path.shape, path.path,
        list(kind.kind ORDER BY kind.kind) AS types
    FROM every_path AS path JOIN kind USING (source, type, shape, path)
    WHERE kind.first_seen_at <= path.first_seen_at + INTERVAL 1 DAY
    GROUP BY ALL
),
after AS (
    SELECT path.source, path.type, path.shape, path.path, min(root.observed_at) AS vanished_at
    FROM every_path AS path JOIN structure AS root
        ON root.source = path.source AND root.type = path.type AND root.shape = path.shape
        AND root.observed_at > path.last_seen_at
    WHERE root.path = '' AND path.share * path.bodies_since >= 10
    GROUP BY ALL
),
found AS (
    SELECT
        path.source, path.type, path.shape, path.path, 'new' AS change,
        path.first_seen_at AS changed_at, NULL::VARCHAR[] AS types_before, first_kind.types,
        path.writer, path.seq, path.segment
    FROM every_path AS path
    JOIN type USING (source, type, shape)
    JOIN first_kind USING (source, type, shape, path)
    WHERE path.first_seen_at > type.known_at + INTERVAL 1 DAY
    UNION ALL
    SELECT
        kind.source, kind.type, kind.shape, kind.path, 'retyped', kind.first_seen_at,
        first_kind.types, [kind.kind], kind.writer, kind.seq, kind.segment
    FROM kind JOIN first_kind USING (source, type, shape, path)
    WHERE NOT list_contains(first_kind.types, kind.kind)
    UNION ALL
    SELECT
        path.source, path.type, path.shape, path.path, 'vanished', after.vanished_at,
        path.types, NULL, path.writer, path.seq, path.segment
    FROM every_path AS path JOIN after USING (source, type, shape, path)
)
SELECT
    found.source, found.type, found.shape, found.path, found.change, found.changed_at,
    found.types_before, found.types, path.first_seen_at, path.last_seen_at, path.null_rate,
    path.share, found.writer, found.seq, found.segment
FROM found
JOIN every_path AS path USING (source, type, shape, path)
LEFT JOIN found AS parent
    ON parent.source = found.source AND parent.type = found.type AND parent.shape = found.shape
    AND parent.path = regexp_replace(found.path, '/[^/]*$', '') AND found.path <> ''
    AND parent.change = found.change AND parent.changed_at = found.changed_at
    AND found.change <> 'retyped'
WHERE parent.path IS NULL
