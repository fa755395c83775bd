-- In: files of sightings; the tables of `listings.sql`; types; the instant.
-- Out:
-- `seen`: the greatest sighting per entity, shape and scope.
-- `entity`: one row per entity, with the listing that first missed it and the first tombstone after
-- its last sighting; both are NULL if the entity is present.
-- `winner`: the sighting that names the body: the best shape first, then the greatest position.
-- Positions are UUIDs, and their order is the total order of all events.
seen AS MATERIALIZED (
    SELECT
        _type, _id, _shape, _scope, _listing, _gone,
        max(_position) AS position,
        arg_max(_writer, _position) AS writer,
        arg_max(_seq, _position) AS seq,
        min(_at) AS first_at,
        max(_at) AS last_at,
        list({'position': _position, 'at': _at}) FILTER (_gone) AS gone
    FROM read_parquet($sightings)
    WHERE _type IN ($types) AND _at <= $instant $one
    GROUP BY ALL
),
$listings,
life AS (
    SELECT
        _type, _id,
        max(position) FILTER (_listing) AS listed,
        max(position) FILTER (NOT _gone) AS last,
        min(first_at) FILTER (NOT _gone) AS first_at,
        max(last_at) FILTER (NOT _gone) AS last_at,
        flatten(list(gone) FILTER (_gone)) AS gone
    FROM seen
    GROUP BY ALL
),
asked AS MATERIALIZED (
    -- Most entities are on the newest listing; they are excluded here and need no sorting.
    SELECT DISTINCT _type, _id, seen._scope AS scope, life.listed AS position
    FROM seen JOIN life USING (_type, _id)
    JOIN (SELECT scope, max(begins) AS newest FROM listing GROUP BY ALL) AS told
        ON told.scope = seen._scope AND told.newest > life.listed
    WHERE seen._listing
),
$ended_after,
missed AS (
    SELECT _type, _id, min(ended) AS by_listing
    FROM asked JOIN ended_after USING (scope, position)
    GROUP BY ALL
),
entity AS (
    SELECT
        life.* EXCLUDE (gone), missed.by_listing,
        list_min(list_transform(
            list_filter(life.gone, lambda each: each['position'] > life.last),
            lambda each: each['at']
        )) AS gone_at
    FROM life LEFT JOIN missed USING (_type, _id)
),
winner AS (
    SELECT
        _type, _id,
        max({'rank': $rank, 'position': position, 'writer': writer, 'seq': seq, 'at': last_at}) AS best
    FROM seen
    WHERE NOT _gone AND ($shapes)
    GROUP BY ALL
)
