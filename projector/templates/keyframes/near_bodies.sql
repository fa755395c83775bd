-- In: rows that name bodies by writer and seq, the files of bodies that are likely to hold
-- them, all files of bodies.
-- Out: `near_or_far`: the rows of those bodies. A writer may name a body from long ago, when
-- another has told something else meanwhile: what is not found near is looked for everywhere.
-- That scan ends at its first rows where nothing is lost.
found AS MATERIALIZED (
    -- Not a semi join: that would not spare the row groups that have none of these.
    SELECT near._writer, near._seq FROM read_parquet($near) AS near JOIN $named
        ON near._writer = $writer AND near._seq = $seq
),
lost AS MATERIALIZED (
    SELECT $writer AS _writer, $seq AS _seq
    FROM $named ANTI JOIN found
        ON found._writer = $writer AND found._seq = $seq
),
far AS MATERIALIZED (
    -- `greatest` keeps what is known of the seqs they name away from this scan: with it, it
    -- would look for a file that may have them, where without it it ends at its first rows.
    SELECT far.* REPLACE (greatest(far._seq, 0) AS _seq)
    FROM read_parquet($bodies) AS far SEMI JOIN lost
        ON far._writer = lost._writer AND far._seq = lost._seq
),
near_or_far AS NOT MATERIALIZED (
    SELECT * FROM read_parquet($near)
    UNION ALL
    SELECT * FROM far
)
