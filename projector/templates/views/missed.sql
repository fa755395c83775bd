-- The rule of presence. The scope that last showed an entity decides: a complete listing of it that
-- began after that sighting misses the entity. A complete listing of another scope, on which the
-- entity was seen before, counts only if the deciding scope has been left alone for more than
-- twice the time between its last two listings; a scope that was listed once borrows the time
-- between the last two listings of the other.
-- In: `listing` (`listings.sql`); `$shown`, sightings on listings: _type, _id, position, shown_at, and the
-- deciding scope; `$known`, the scopes of entities of more than one scope, and since when.
-- Out: `$name`: sightings with the complete listing that ended first of those that miss the entity;
-- no row if there is none.
${name}_newest AS (SELECT scope, max(begins) AS begins FROM listing GROUP BY ALL),
${name}_decided AS MATERIALIZED (
    -- Most entities are on the newest listing; they are excluded here and need no sorting.
    SELECT shown._type, shown._id, shown.scope, shown.position
    FROM $shown AS shown JOIN ${name}_newest AS newest
        ON newest.scope = shown.scope AND newest.begins > shown.position
),
$decided_ended,
${name}_other AS MATERIALIZED (
    SELECT
        shown._type, shown._id, shown.position, shown.shown_at, shown.scope AS decides,
        known._scope AS scope
    FROM $known AS known JOIN $shown AS shown USING (_type, _id)
    JOIN ${name}_newest AS newest
        ON newest.scope = known._scope AND newest.begins > shown.position
    WHERE known._scope <> shown.scope AND known.since <= shown.position
),
-- Listings that are measured: one per scope and instant, because two recordings of one instant
-- are one listing. `pace`: the time since the one before.
${name}_paced AS MATERIALIZED (
    SELECT
        scope, ended_at, begins, lag(begins) OVER in_turn AS earlier,
        ended_at - lag(ended_at) OVER in_turn AS pace
    FROM (
        SELECT scope, ended['at'] AS ended_at, min(begins) AS begins
        FROM listing
        WHERE scope IN (SELECT decides FROM ${name}_other UNION ALL SELECT scope FROM ${name}_other)
        GROUP BY ALL
    )
    WINDOW in_turn AS (PARTITION BY scope ORDER BY ended_at)
),
${name}_last_paced AS (
    SELECT scope, shown_at, last
    FROM (
        SELECT scope, shown_at, is_point, last_value(paced IGNORE NULLS) OVER (
            PARTITION BY scope ORDER BY shown_at, is_point ROWS UNBOUNDED PRECEDING
        ) AS last
        FROM (
            SELECT DISTINCT
                decides AS scope, shown_at, true AS is_point,
                NULL::STRUCT(begins UUID, earlier UUID, pace INTERVAL) AS paced
            FROM ${name}_other
            UNION ALL
            SELECT scope, ended_at, false, {'begins': begins, 'earlier': earlier, 'pace': pace}
            FROM ${name}_paced
        )
    )
    WHERE is_point
),
${name}_left AS MATERIALIZED (
    -- `point`: a listing of the other scope that began after it counts.
    SELECT
        other._type, other._id, other.position, other.shown_at, other.scope, other.decides,
        last, other.shown_at + 2 * last['pace'] AS point
    FROM ${name}_other AS other LEFT JOIN ${name}_last_paced AS paced
        ON paced.scope = other.decides AND paced.shown_at = other.shown_at
),
${name}_waiting AS (
    SELECT DISTINCT scope, point AS position FROM ${name}_left WHERE point IS NOT NULL
),
$waiting_ended,
${name}_borrowing AS (
    SELECT DISTINCT scope, shown_at AS position FROM ${name}_left WHERE point IS NULL
),
${name}_borrowed AS (
    -- Listings of a scope from which others borrow, each with the one that ended before it began:
    -- it counts for what was shown before `counts_after`.
    SELECT
        listing.*, previous['begins'] AS previous,
        previous['ended_at'] - (listing.began_at - previous['ended_at']) AS counts_after
    FROM listing JOIN (
        SELECT scope, begins, last_value(ended IGNORE NULLS) OVER (
            PARTITION BY scope ORDER BY turn_at, begins IS NULL ROWS UNBOUNDED PRECEDING
        ) AS previous
        FROM (
            SELECT DISTINCT
                scope, began_at AS turn_at, begins,
                NULL::STRUCT(ended_at TIMESTAMPTZ, begins UUID) AS ended
            FROM listing SEMI JOIN ${name}_borrowing USING (scope)
            UNION ALL
            SELECT scope, ended_at, NULL, {'ended_at': ended_at, 'begins': begins} FROM ${name}_paced
        )
    ) AS turn USING (scope, begins)
),
$borrowed_ended,
$name AS (
    SELECT _type, _id, position, min(ended) AS ended
    FROM (
        SELECT _type, _id, position, ended
        FROM ${name}_decided JOIN ${name}_decided_ended USING (scope, position)
        UNION ALL
        SELECT waiting._type, waiting._id, waiting.position, missed.ended
        FROM ${name}_left AS waiting JOIN ${name}_waiting_ended AS missed
            ON missed.scope = waiting.scope AND missed.position = waiting.point
        UNION ALL
        SELECT waiting._type, waiting._id, waiting.position, missed.ended
        FROM ${name}_left AS waiting JOIN ${name}_borrowed_ended AS missed
            ON missed.scope = waiting.scope AND missed.position = waiting.shown_at
        WHERE waiting.point IS NULL
    )
    GROUP BY ALL
)
