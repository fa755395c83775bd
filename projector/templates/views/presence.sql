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
        arg_max(last_at, position) FILTER (_listing) AS listed_at,
        arg_max(_scope, position) FILTER (_listing) AS scope,
        min(_scope) FILTER (_listing) <> max(_scope) FILTER (_listing) AS is_shared,
        max(position) FILTER (NOT _gone) AS last,
        min(first_at) FILTER (NOT _gone) AS first_at,
        max(last_at) FILTER (NOT _gone) AS last_at,
        flatten(list(gone) FILTER (_gone)) AS gone
    FROM seen
    GROUP BY ALL
),
shown_last AS (
    SELECT _type, _id, listed AS position, listed_at AS shown_at, scope FROM life WHERE scope IS NOT NULL
),
shown_on AS (
    SELECT DISTINCT _type, _id, _scope, '00000000-0000-0000-0000-000000000000'::UUID AS since
    FROM seen JOIN life USING (_type, _id)
    WHERE life.is_shared AND seen._listing
),
$missed,
entity AS (
    SELECT
        life.* EXCLUDE (gone), missed.ended AS by_listing,
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
