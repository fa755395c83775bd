-- In: sightings and pages as of an instant; the sightings since the rows, and the instant of
-- the rows; the rows, and those that took the place of some of them.
-- Out: `moved`: the ids of which the rows may say another thing than the facts: seen since;
-- known on a scope of which pages came since (a complete listing may have ended with them);
-- of a body that was in no part.
moved AS MATERIALIZED (
    SELECT _id FROM read_parquet($fresh) WHERE _type IN ($types) AND _at <= $instant
    UNION
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
)
