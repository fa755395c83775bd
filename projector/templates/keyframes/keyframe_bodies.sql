-- In: positions of bodies (`keyframe_named.sql`); files of bodies (the previous keyframe's and
-- those of later parts); the cached rows of this keyframe; the condition of one chunk of seqs.
-- Out: the rows of the named bodies that the cached rows do not contain.
SELECT body.*
FROM (FROM read_parquet($bodies) WHERE $turn) AS body
SEMI JOIN (FROM ($named) WHERE $turn) AS named
    ON body._writer = named._writer AND body._seq = named._seq
ANTI JOIN (SELECT _writer, _seq FROM read_parquet($rows) WHERE $turn) AS kept
    ON body._writer = kept._writer AND body._seq = kept._seq
