-- In: the files of pairs.
-- Out: the pairs by where the later bodies lie; which earlier ones do not lie near them.
SELECT
    *,
    before_writer <> writer OR before_seq NOT BETWEEN seq - $near AND seq + $near AS is_far
FROM read_parquet($pairs)
ORDER BY segment, seq
