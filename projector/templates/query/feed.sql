-- In: the changes of the entities of one type, as a SELECT with the columns of `feed_view.sql`.
-- Out: those in [since, until), one row per change, whatever number of shapes show it. It has the
-- instant and the shape of the first.
--
-- A shape repeats what another one has shown: that the entity appeared, whenever; that it is gone
-- or back, at that instant; and the change of a field since the shape itself had the old value.
WITH change AS MATERIALIZED (
    FROM ($changes) WHERE changed_at < $until::TIMESTAMPTZ
),
of_several AS (
    SELECT
        *,
        greatest(
            max(changed_at) OVER (
                PARTITION BY id, shape, path ORDER BY changed_at
                RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
            ),
            max(changed_at) FILTER (path IS NULL) OVER (
                PARTITION BY id, shape ORDER BY changed_at
            )
        ) AS old_since
    FROM change
    WHERE id IN (SELECT id FROM change GROUP BY id HAVING count(DISTINCT shape) > 1)
),
repeated AS (
    SELECT DISTINCT later.id, later.shape, later.changed_at, later.change, later.path
    FROM of_several AS later
    JOIN of_several AS earlier
        ON earlier.id = later.id AND earlier.change = later.change
        AND earlier.path IS NOT DISTINCT FROM later.path
        AND earlier.kind IS NOT DISTINCT FROM later.kind
        AND earlier.old IS NOT DISTINCT FROM later.old
        AND earlier.new IS NOT DISTINCT FROM later.new
    WHERE earlier.shape <> later.shape
        AND (earlier.changed_at, earlier.shape) < (later.changed_at, later.shape)
        AND CASE later.change
            WHEN 'appeared' THEN true
            WHEN 'changed' THEN
                earlier.changed_at >= later.old_since OR earlier.changed_at = later.changed_at
            ELSE earlier.changed_at = later.changed_at
        END
)
SELECT changed_at, id, change, path, kind, old, new, nullif(shape, '') AS shape
FROM change
WHERE changed_at >= $since::TIMESTAMPTZ AND ($waves OR NOT is_wave)
    AND NOT EXISTS (
        FROM repeated
        WHERE repeated.id = change.id AND repeated.shape = change.shape
            AND repeated.changed_at = change.changed_at AND repeated.change = change.change
            AND repeated.path IS NOT DISTINCT FROM change.path
    )
ORDER BY changed_at, id, path, change
