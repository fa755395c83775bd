-- In: sightings and pages as of an instant; the sightings since the rows, and the instant of
-- the rows; the rows, and those that took the place of some of them.
-- Out: `held`: what the rows say of those of which they may say another thing than the facts;
-- `news`: what was seen since, and whether that and the rows together tell all; `moved`: the
-- ids of which all facts are needed: known on a scope of which pages came since (a complete
-- listing may have ended with them); of a body that was in no part; or seen since, and not
-- brief. The facts are not even looked at where there are none.
told_since AS MATERIALIZED (
    -- Where a better shape than these was seen before, it still wins: only the best is brief.
    SELECT
        _type, _id,
        max(_position) FILTER (NOT _gone AND ($shapes) AND $rank = $best) AS position,
        arg_max(_writer, _position) FILTER (NOT _gone AND ($shapes) AND $rank = $best) AS writer,
        arg_max(_seq, _position) FILTER (NOT _gone AND ($shapes) AND $rank = $best) AS seq,
        max(_at) FILTER (NOT _gone AND ($shapes) AND $rank = $best) AS seen_at,
        max(_at) FILTER (NOT _gone) AS last_at,
        bool_or(_listing) AS is_listed,
        bool_or(_gone) AS is_gone
    FROM read_parquet($fresh)
    WHERE _type IN ($types) AND _at <= $instant
    GROUP BY ALL
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
    SELECT _type, _id, max(known) AS known
    FROM (
        SELECT _type, _id, {
            'nth': 0, 'writer': _writer, 'seq': _seq, 'first_at': _first_at,
            'is_absent': _absent_since IS NOT NULL
        } AS known
        FROM read_parquet($rows)
        UNION ALL
        SELECT _type, _id, {
            'nth': 1, 'writer': _writer, 'seq': _seq, 'first_at': _first_at,
            'is_absent': _absent_since IS NOT NULL
        }
        FROM read_parquet($delta)
    )
    WHERE _id IN (SELECT _id FROM told_since UNION SELECT _id FROM lapsed)
    GROUP BY ALL
),
news AS MATERIALIZED (
    SELECT
        told_since.*, known['first_at'] AS first_at,
        known IS NOT NULL AND position IS NOT NULL AND NOT is_gone
            AND (is_listed OR NOT known['is_absent']) AS is_brief
    FROM told_since LEFT JOIN held USING ($same)
),
moved AS MATERIALIZED (
    SELECT _id FROM news WHERE NOT is_brief
    UNION
    SELECT _id FROM lapsed
)
