-- In: the files of pairs.
-- Out: the pairs in the log order of their later bodies; `is_far` if the earlier body is of
-- another writer or more than $near events away.
SELECT
    *,
    before_writer <> writer OR before_seq NOT BETWEEN seq - $near AND seq + $near AS is_far
FROM read_parquet($pairs)
ORDER BY segment, seq
