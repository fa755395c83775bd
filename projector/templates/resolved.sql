-- In: `winner` and `entity` of all that moved; the rows, those that took the place of some of
-- them, the bodies that are likely to be named since, all bodies.
-- Out: `shown`: the rows of every entity, absent ones too, with all columns of its body. What
-- did not move, or names the same body, is passed on. A body may have several rows, and one
-- of them may be in two parts.
told AS MATERIALIZED (
    SELECT
        winner._type, winner._id, winner.best['writer'] AS _writer, winner.best['seq'] AS _seq,
        winner.best['at'] AS _seen_at, entity.first_at AS _first_at, entity.last_at AS _last_at,
        least(entity.by_listing['ended_at'], entity.gone_at) AS _absent_since,
        $because AS _absent_because
    FROM winner JOIN entity USING (_type, _id)
),
older AS MATERIALIZED (
    SELECT told.* FROM told ANTI JOIN read_parquet($near) AS near
        ON near._writer = told._writer AND near._seq = told._seq
),
lost AS MATERIALIZED (
    -- A body from before that is named again stands in the rows, or in those in their place.
    SELECT older.* FROM older ANTI JOIN (
        SELECT _type, _id, _writer, _seq FROM read_parquet($rows)
        ANTI JOIN (SELECT _type, _id FROM read_parquet($delta)) USING (_type, _id)
        UNION ALL
        SELECT _type, _id, _writer, _seq FROM read_parquet($delta)
    ) USING (_type, _id, _writer, _seq)
),
again AS MATERIALIZED (
    SELECT _type, _id, _writer, _seq FROM older ANTI JOIN lost USING (_type, _id)
),
fresh AS (
    SELECT * FROM told ANTI JOIN again USING (_type, _id)
),
near_or_far AS NOT MATERIALIZED (
    SELECT * FROM read_parquet($near)
    UNION ALL
    SELECT far.* FROM read_parquet($bodies) AS far SEMI JOIN lost
        ON far._writer = lost._writer AND far._seq = lost._seq
),
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
        SELECT old.* FROM read_parquet($rows) AS old
        ANTI JOIN (SELECT _type, _id FROM read_parquet($delta)) AS new USING (_type, _id)
        UNION ALL
        SELECT * FROM read_parquet($delta)
    ) AS base
    LEFT JOIN told ON told._type = base._type AND told._id = base._id
    LEFT JOIN again ON again._type = base._type AND again._id = base._id
    WHERE told._id IS NULL OR (base._writer = again._writer AND base._seq = again._seq)
    UNION ALL
    SELECT DISTINCT ON (fresh._type, fresh._id $row)
        body.* REPLACE (fresh._type AS _type, fresh._id AS _id),
        fresh._seen_at, fresh._first_at, fresh._last_at, fresh._absent_since, fresh._absent_because
    FROM fresh $join near_or_far AS body
        ON body._writer = fresh._writer AND body._seq = fresh._seq
)
