-- In: rows that name bodies by writer and seq; the files that probably contain them; all files of
-- bodies.
-- Out: `near_or_far`: the rows of those bodies. A writer may name an old body again after another
-- writer stored a different one, so bodies missing from the near files are searched in all files.
-- If none is missing, that scan stops at its first rows.
found AS MATERIALIZED (
    -- Not a semi join: DuckDB would not skip row groups that contain none of these bodies.
    SELECT near._writer, near._seq FROM read_parquet($near) AS near JOIN $named
        ON near._writer = $writer AND near._seq = $seq
),
lost AS MATERIALIZED (
    SELECT $writer AS _writer, $seq AS _seq
    FROM $named ANTI JOIN found
        ON found._writer = $writer AND found._seq = $seq
),
far AS MATERIALIZED (
    -- `greatest` prevents DuckDB from pushing the range of the named seqs into this scan. With
    -- that filter, the scan searches for a file that may match; without it, the scan of an
    -- empty `lost` stops at its first rows.
    SELECT far.* REPLACE (greatest(far._seq, 0) AS _seq)
    FROM read_parquet($bodies) AS far SEMI JOIN lost
        ON far._writer = lost._writer AND far._seq = lost._seq
),
near_or_far AS NOT MATERIALIZED (
    SELECT * FROM read_parquet($near)
    UNION ALL
    SELECT * FROM far
)
