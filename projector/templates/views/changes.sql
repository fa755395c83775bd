-- Out: the changes up to T, one row per field: appeared, changed, gone or back. Telemetry and
-- waves are marked. A wave is a change of the schema: the same path, kind and class of the old
-- value within one hour, on more than ten entities and more than a third of those present.
WITH $presence,
$spans,
neighbour AS (
    SELECT
        _type, _id, _shape, told, valid_from, valid_to,
        lag(told) OVER timeline AS before,
        lag(valid_to) OVER timeline AS before_to,
        lead(valid_from) OVER timeline AS next_from
    FROM version
    WHERE told IS NOT NULL
    WINDOW timeline AS (PARTITION BY _type, _id, _shape ORDER BY valid_from)
),
step_of AS (
    SELECT _type, _shape, instant, sum(delta) AS delta
    FROM (
        SELECT _type, _shape, valid_from AS instant, 1 AS delta FROM neighbour
        UNION ALL
        SELECT _type, _shape, valid_to, -1 FROM neighbour WHERE valid_to IS NOT NULL
    )
    GROUP BY ALL
),
alive AS (
    SELECT _type, _shape, instant,
        sum(delta) OVER (PARTITION BY _type, _shape ORDER BY instant) AS entities
    FROM step_of
),
differing AS MATERIALIZED (
    -- This join comes before that with `alive`. The planner estimates one row for each, and would
    -- begin with `alive`.
    SELECT neighbour.*, diff.* EXCLUDE (type, before_hash, hash)
    FROM neighbour
    JOIN (SELECT DISTINCT * FROM read_parquet($diffs)) AS diff
        ON diff.type = neighbour._type AND diff.before_hash = neighbour.before['hash']
        AND diff.hash = neighbour.told['hash']
    WHERE diff.path IS NOT NULL
),
field AS (
    SELECT differing.*, date_trunc('hour', valid_from) AS epoch, alive.entities
    FROM differing
    JOIN alive ON alive._type = differing._type
        AND alive._shape IS NOT DISTINCT FROM differing._shape
        AND alive.instant = differing.valid_from
),
wave AS (
    SELECT _type, _shape, epoch, path, kind, old_class
    FROM field
    GROUP BY ALL
    HAVING count(DISTINCT _id) > 10 AND 3 * count(DISTINCT _id) > max(entities)
),
happening AS (
    SELECT
        _id, _shape, valid_from AS changed_at,
        CASE WHEN before IS NULL THEN 'appeared' ELSE 'back' END AS change,
        NULL AS path, NULL AS kind, NULL AS old, NULL AS new,
        false AS is_telemetry, false AS is_wave, before, told
    FROM neighbour
    WHERE before IS NULL OR before_to < valid_from
    UNION ALL
    SELECT _id, _shape, valid_to, 'gone', NULL, NULL, NULL, NULL, false, false, told, NULL
    FROM neighbour
    WHERE valid_to IS NOT NULL AND next_from IS DISTINCT FROM valid_to
    UNION ALL
    SELECT
        _id, _shape, valid_from, 'changed', path, kind, old, new, is_telemetry,
        wave.path IS NOT NULL, before, told
    FROM field LEFT JOIN wave USING (_type, _shape, epoch, path, kind, old_class)
)
SELECT
    $key_of_change AS $key, changed_at, change, path, kind, old::JSON AS old, new::JSON AS new,
    is_telemetry, is_wave, _id, _shape, before['hash'] AS _before_hash, before['writer'] AS _before_writer,
    before['seq'] AS _before_seq, told['hash'] AS _hash, told['writer'] AS _writer,
    told['seq'] AS _seq
FROM happening
