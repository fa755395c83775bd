-- The view at T: per entity the body that its greatest sighting names, unless it is absent.
CREATE MACRO $schema.$at(t) AS TABLE
WITH $presence
SELECT * EXCLUDE (_writer_id) FROM (
    SELECT DISTINCT ON (winner._type, winner._id $row)
        winner._id::$key_type AS $key,
        body.* EXCLUDE ($hidden),
        $provenance,
        winner.writer AS _writer_id
    FROM winner
    JOIN entity USING (_type, _id)
    JOIN read_parquet($bodies) AS body
        ON body._writer = winner.writer AND body._seq = winner.seq
    WHERE entity.by_listing IS NULL AND entity.gone_at IS NULL $given
)
