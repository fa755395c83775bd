-- In: places (`keyframe_named.sql`), bodies (those of the keyframe before, and since), the rows
-- beside the keyframe, which seqs.
-- Out: the rows of the bodies that lie at those places, and that the rows do not have.
SELECT body.*
FROM (FROM read_parquet($bodies) WHERE $turn) AS body
SEMI JOIN (FROM ($named) WHERE $turn) AS named
    ON body._writer = named._writer AND body._seq = named._seq
ANTI JOIN (SELECT _writer, _seq FROM read_parquet($rows) WHERE $turn) AS kept
    ON body._writer = kept._writer AND body._seq = kept._seq
