-- In: `winner`, the files of bodies that are likely to hold what it names, all files of bodies.
-- Out: `near_or_far`: the rows of those bodies. A writer may name a body from long ago, when
-- another has told something else meanwhile: what is not found near is looked for everywhere.
-- The second scan ends at once where nothing is lost.
lost AS MATERIALIZED (
    SELECT winner.best['writer'] AS _writer, winner.best['seq'] AS _seq
    FROM winner ANTI JOIN read_parquet($near) AS near
        ON near._writer = winner.best['writer'] AND near._seq = winner.best['seq']
),
near_or_far AS NOT MATERIALIZED (
    SELECT * FROM read_parquet($near)
    UNION ALL
    SELECT far.* FROM read_parquet($bodies) AS far SEMI JOIN lost
        ON far._writer = lost._writer AND far._seq = lost._seq
)
