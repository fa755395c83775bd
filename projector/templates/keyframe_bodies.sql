-- In: places (`keyframe_named.sql`), bodies (those of the keyframe before, and since), which seqs.
-- Out: the rows of the bodies that lie at those places.
SELECT body.*
FROM (FROM read_parquet($bodies) WHERE $turn) AS body
SEMI JOIN (FROM ($named) WHERE $turn) AS named
    ON body._writer = named._writer AND body._seq = named._seq
