-- log.sightings: every time an entity was seen, and every `gone`: what presence and as-of go by
-- reads: line
-- An entity event is a sighting at its own place; a page's roster gives one per entry, at the
-- page's place, naming the event of the same stream that holds the bytes. Of entries that name
-- one entity twice the last counts: they have one place, and there is no order among equals.
-- `_listing` says whether the page is a numbered page of a listing.
SELECT
    position AS _position,
    observed_at AS _at,
    writer AS _writer,
    seen.type AS _type,
    seen.id AS _id,
    seen.shape AS _shape,
    CASE WHEN kind = 'page' AND page_no IS NOT NULL THEN scope END AS _scope,
    kind = 'page' AND page_no IS NOT NULL AS _listing,
    kind = 'gone' AS _gone,
    seen.seq AS _seq
FROM (
    SELECT * EXCLUDE (type, id, shape, seq, entries, names), unnest(
        CASE WHEN kind <> 'page' THEN [{'type': type, 'id': id, 'shape': shape, 'seq': seq}]
        WHEN list_unique(names) = len(names) THEN entries
        ELSE list_filter(entries, lambda _, n: NOT list_contains(names[n + 1:], names[n])) END
    ) AS seen
    FROM (
        SELECT *, list_transform(
            entries, lambda each: concat_ws(chr(0), each['type'], each['shape'], each['id'])
        ) AS names
        FROM (
            SELECT * EXCLUDE (roster, shapes), flatten(list_transform(
                map_entries(roster),
                lambda entry: list_transform(
                    entry['value'],
                    lambda each: {
                        'type': each[1], 'id': each[2],
                        'shape': shapes[entry['key']], 'seq': each[3]::BIGINT
                    }
                )
            )) AS entries
            FROM line
            WHERE kind IN ('entity', 'page', 'gone')
        )
    )
)
