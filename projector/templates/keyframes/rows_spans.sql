-- In: the selected rows. Out: per file the first and last row number, both included.
SELECT _file, min(_number), max(_number)
FROM read_parquet($picked)
WHERE _number IS NOT NULL
GROUP BY ALL
ORDER BY ALL
