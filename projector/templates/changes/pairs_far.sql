-- In: a file of pairs.
-- Out: the earlier bodies of the pairs marked `is_far`, in log order, each with the number of
-- its pair in the file.
SELECT file_row_number AS number, before_segment AS segment, before_seq AS seq
FROM read_parquet($found, file_row_number = true)
WHERE is_far
ORDER BY before_segment, before_seq
