-- In: the selected rows with their locations; one file, and a closed range of its row numbers.
-- Out: the selected rows within that range: all body columns, and the columns about the entity.
SELECT $columns, $told
FROM (
    SELECT * FROM read_parquet($file, file_row_number = true)
    WHERE file_row_number BETWEEN $first AND $last
) AS body
JOIN (
    SELECT * FROM read_parquet($picked)
    WHERE _file = $number AND _number BETWEEN $first AND $last
) AS picked ON body.file_row_number = picked._number
