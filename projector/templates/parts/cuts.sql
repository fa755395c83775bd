-- In: rows with a `_seq`; shares between 0 and 1.
-- Out: for each share, the seq below which about this share of the rows is, estimated in one pass.
SELECT approx_quantile(_seq, [$shares]) FROM ($rows)
