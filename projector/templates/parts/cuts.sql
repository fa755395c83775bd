-- In: rows with a `_seq`, shares between 0 and 1.
-- Out: the seqs below which about these shares of the rows lie, estimated in one pass.
SELECT approx_quantile(_seq, [$shares]) FROM ($rows)
