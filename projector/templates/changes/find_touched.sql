-- In: files of sightings and pages; types; an instant.
-- Out: the entities whose sightings at or after the instant may begin a version or a run of values.
-- An entity is left out if these sightings name, in each shape, the body that the last sighting
-- before the instant named, and if it was present when that body was seen: its last sighting before
-- the instant was in a listing, which ends any absence. With several pages at the instant of that
-- sighting it is not left out, because another listing of this instant may miss it.
WITH form AS (
    SELECT
        _type, _id, _shape,
        bool_or(_at >= $since) AS is_new,
        max(_at) FILTER (_listing AND _at < $since) AS listed_at,
        max(_at) FILTER (NOT _listing AND _at < $since) AS unlisted_at,
        arg_max(_writer, _position) FILTER (NOT _gone AND _at < $since) AS writer_before,
        arg_max(_seq, _position) FILTER (NOT _gone AND _at < $since) AS seq_before,
        min({'writer': _writer, 'seq': _seq}) FILTER (NOT _gone AND _at >= $since) AS least,
        max({'writer': _writer, 'seq': _seq}) FILTER (NOT _gone AND _at >= $since) AS greatest
    FROM read_parquet($sightings)
    WHERE _type IN ($types) $bucket
    GROUP BY ALL
),
entity AS (
    SELECT
        _type, _id, max(listed_at) AS listed_at, max(unlisted_at) AS unlisted_at,
        bool_or(
            least IS NOT NULL AND (
                least <> greatest
                OR least['writer'] IS DISTINCT FROM writer_before
                OR least['seq'] IS DISTINCT FROM seq_before
            )
        ) AS is_other
    FROM form
    GROUP BY ALL
    HAVING bool_or(is_new)
),
crowded AS (
    SELECT observed_at
    FROM read_parquet($pages)
    WHERE observed_at IN (SELECT listed_at FROM entity)
    GROUP BY ALL
    HAVING count(*) > 1
)
SELECT DISTINCT _id
FROM entity
WHERE is_other OR coalesce(unlisted_at >= listed_at, false)
    OR listed_at IN (SELECT observed_at FROM crowded)
