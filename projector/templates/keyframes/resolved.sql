-- In: `moved`, with `winner` and `entity` of these ids; `news` and `held` (`moved.sql`); the cached
-- rows; the tables of the body lookup.
-- Out: `shown`: the rows of every entity, absent ones too, with all columns of its body. The cached
-- row is copied if nothing changed or if it names the same body; then only the columns about
-- the entity are replaced. A body may have several rows, and two parts may contain the same row.
told AS MATERIALIZED (
    SELECT
        winner._type, winner._id,
        winner.best['writer'] AS _writer, winner.best['seq'] AS _seq,
        winner.best['at'] AS _seen_at,
        entity.first_at AS _first_at, entity.last_at AS _last_at,
        least(entity.by_listing['ended_at'], entity.gone_at) AS _absent_since,
        $because AS _absent_because,
        coalesce(
            held.known['writer'] = winner.best['writer'] AND held.known['seq'] = winner.best['seq'],
            false
        ) AS again
    FROM winner JOIN entity USING (_type, _id) LEFT JOIN held USING ($same)
    UNION ALL
    SELECT
        _type, _id, named['writer'], named['seq'], named['at'], first_at, last_at, NULL, NULL,
        is_again
    FROM news ANTI JOIN moved USING (_id)
),
fresh AS MATERIALIZED (
    SELECT * EXCLUDE (again) FROM told WHERE NOT again
),
$lookup,
shown AS (
    SELECT base.* REPLACE (
        CASE WHEN told._id IS NULL THEN base._seen_at ELSE told._seen_at END AS _seen_at,
        CASE WHEN told._id IS NULL THEN base._first_at ELSE told._first_at END AS _first_at,
        CASE WHEN told._id IS NULL THEN base._last_at ELSE told._last_at END AS _last_at,
        CASE WHEN told._id IS NULL THEN base._absent_since ELSE told._absent_since END
            AS _absent_since,
        CASE WHEN told._id IS NULL THEN base._absent_because ELSE told._absent_because END
            AS _absent_because)
    FROM (
        SELECT old.* FROM read_parquet($rows) AS old ANTI JOIN fresh USING ($same)
    ) AS base
    LEFT JOIN (SELECT * FROM told WHERE again) AS told USING ($same)
    UNION ALL
    SELECT $once
        body.* REPLACE (fresh._type AS _type, fresh._id AS _id),
        fresh._seen_at, fresh._first_at, fresh._last_at, fresh._absent_since, fresh._absent_because
    FROM fresh $join near_or_far AS body
        ON body._writer = fresh._writer AND body._seq = fresh._seq
)
