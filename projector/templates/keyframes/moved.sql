-- In: sightings and pages as of an instant; the sightings after the row cache; the instant of the
-- row cache; its rows.
-- Out:
-- `held`: the cached row of each entity whose row may have changed.
-- `news`: what was seen after the row cache; `is_brief` if this and the cached row determine the
-- new row; `is_again` if both name the same body.
-- `moved`: ids of the entities that must be evaluated from all sightings: those known on a scope
-- with pages after the row cache (they may complete a listing that misses the entity), those
-- whose body was in no part, and those seen since that are not brief. Without such
-- ids, that evaluation reads nothing.
told_since AS MATERIALIZED (
    -- A better shape that was seen earlier still wins, so only the best shape can be brief.
    -- Entities with a tombstone are not brief, so `last_at` may include every sighting.
    SELECT
        $type AS _type, _id,
        arg_max(
            {'writer': _writer, 'seq': _seq, 'at': _at},
            CASE WHEN NOT _gone AND ($shapes) AND $rank = $best THEN _position END
        ) AS named,
        max(_at) AS last_at,
        bool_or(_listing) AS is_listed,
        bool_or(_gone) AS is_gone
    FROM read_parquet($fresh)
    WHERE _type IN ($types) AND _at <= $instant
    GROUP BY $same
),
lapsed AS MATERIALIZED (
    SELECT _id FROM read_parquet($sightings)
    WHERE _type IN ($types) AND _listing AND _at <= $instant AND _scope IN (
        SELECT scope FROM read_parquet($pages)
        WHERE kind = 'page' AND page_no IS NOT NULL AND observed_at <= $instant
        GROUP BY scope
        HAVING bool_or(last) AND max(observed_at) > $since
    )
    UNION
    SELECT _id FROM read_parquet($rows) WHERE _seq IS NULL
),
held AS MATERIALIZED (
    -- One row per entity: the first, if its body has several.
    SELECT _type, _id, {
        'writer': _writer, 'seq': _seq, 'first_at': _first_at,
        'is_absent': _absent_since IS NOT NULL
    } AS known
    FROM (SELECT * FROM read_parquet($rows) WHERE $first)
    WHERE _id IN (SELECT _id FROM told_since UNION ALL SELECT _id FROM lapsed)
),
news AS MATERIALIZED (
    SELECT
        told_since.*, known['first_at'] AS first_at,
        known IS NOT NULL AND named IS NOT NULL AND NOT is_gone
            AND (is_listed OR NOT known['is_absent']) AS is_brief,
        coalesce(
            known['writer'] = named['writer'] AND known['seq'] = named['seq'], false
        ) AS is_again
    FROM told_since LEFT JOIN held USING ($same)
),
moved AS MATERIALIZED (
    SELECT _id FROM news WHERE NOT is_brief
    UNION
    SELECT _id FROM lapsed
)
