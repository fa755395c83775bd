-- In: what was picked. Out: of each file from which to which row.
SELECT _file, min(_number), max(_number)
FROM read_parquet($picked)
WHERE _number IS NOT NULL
GROUP BY ALL
ORDER BY ALL
