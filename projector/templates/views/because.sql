-- SQL expression: why an entity is absent, by its earliest evidence: a tombstone or a complete
-- listing. NULL if the entity is present.
CASE
        WHEN entity.by_listing IS NULL AND entity.gone_at IS NULL THEN NULL
        WHEN entity.gone_at <= entity.by_listing['ended_at'] OR entity.by_listing IS NULL
            THEN 'probed and gone'
        ELSE concat('not on the complete listing ', entity.by_listing['scope'],
            coalesce(' of run ' || entity.by_listing['run'], ''))
    END
