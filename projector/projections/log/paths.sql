-- log.paths: every path that bodies of a type ever had: its types, when, how often, how often null
-- reads: view
-- `types`: array, bool, null, number, object, string; `mixed` for a list of several. `share`: of
-- the bodies stored while the path was there. `segment` and `seq`: the first body that has it.
-- A body is stored once and seen until it changes: `first_seen_at` and `last_seen_at` are
-- sightings of bodies that have the path.
WITH structure AS MATERIALIZED (FROM log.structures),
form AS (
    SELECT source, segment, type, shape, form, min(first_at) AS first_at, max(last_at) AS last_at
    FROM (
        SELECT * EXCLUDE (seqs), unnest(seqs) AS seq
        FROM (
            SELECT source, segment, type, shape, writer, unnest(forms) AS form, unnest(seqs) AS seqs
            FROM structure
            WHERE path = ''
        )
    ) JOIN log._seen_bodies() USING (source, writer, seq)
    GROUP BY source, segment, type, shape, form
),
seen AS (
    SELECT source, type, shape, path, min(first_at) AS first_at, max(last_at) AS last_at
    FROM (
        SELECT source, segment, type, shape, path, unnest(forms) AS form FROM structure
    ) JOIN form USING (source, segment, type, shape, form)
    GROUP BY source, type, shape, path
),
root AS (
    SELECT source, type, shape, observed_at, bodies FROM structure WHERE path = ''
),
path AS (
    SELECT
        source, type, shape, path,
        list(DISTINCT kind ORDER BY kind) AS types,
        least(min(seen.first_at), min(observed_at)) AS first_seen_at,
        coalesce(max(seen.last_at), max(last_observed_at)) AS last_seen_at,
        sum(bodies)::BIGINT AS bodies,
        coalesce(sum(bodies) FILTER (kind = 'null'), 0) / sum(bodies) AS null_rate,
        arg_min(writer, (observed_at, writer, seq)) AS writer,
        arg_min(seq, (observed_at, writer, seq)) AS seq,
        arg_min(segment, (observed_at, writer, seq)) AS segment
    FROM structure LEFT JOIN seen USING (source, type, shape, path)
    GROUP BY source, type, shape, path
)
SELECT
    path.*,
    coalesce(min(path.bodies) / sum(root.bodies) FILTER (root.observed_at <= path.last_seen_at), 1)
        AS share,
    coalesce(sum(root.bodies) FILTER (root.observed_at > path.last_seen_at), 0)::BIGINT
        AS bodies_since
FROM path JOIN root
    ON root.source = path.source AND root.type = path.type AND root.shape = path.shape
    AND root.observed_at >= date_trunc('hour', path.first_seen_at)
GROUP BY ALL
