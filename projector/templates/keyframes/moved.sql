-- In: sightings and pages as of an instant; the sightings since the rows, and the instant of
-- the rows; the rows, and those that took the place of some of them.
-- Out: `held`: what the rows say of those of which they may say another thing than the facts;
-- `news`: what was seen since, whether that and the rows together tell all, and whether it
-- names the same body; `moved`: the ids of which all facts are needed: known on a scope of which
-- pages came since (a complete listing may have ended with them); of a body that was in no
-- part; or seen since, and not brief. The facts are not even looked at where there are none.
told_since AS MATERIALIZED (
    -- Where a better shape than these was seen before, it still wins: only the best is brief.
    -- What was gone is not brief, so all that are seen count for the last time.
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
    UNION
    SELECT _id FROM read_parquet($delta) WHERE _seq IS NULL
),
held AS MATERIALIZED (
    -- One row of each: of many, the first.
    SELECT _type, _id, known
    FROM (
        SELECT _type, _id, {
            'writer': _writer, 'seq': _seq, 'first_at': _first_at,
            'is_absent': _absent_since IS NOT NULL
        } AS known
        FROM read_parquet($delta)
        WHERE $first
        UNION ALL
        SELECT _type, _id, {
            'writer': _writer, 'seq': _seq, 'first_at': _first_at,
            'is_absent': _absent_since IS NOT NULL
        }
        FROM (SELECT * FROM read_parquet($rows) WHERE $first)
        ANTI JOIN (SELECT _type, _id FROM read_parquet($delta)) AS newer USING ($same)
    )
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
