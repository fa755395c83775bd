-- In: what rows say, and where each lies; a file, and which of its rows.
-- Out: these rows with all their columns, and what is said of them.
SELECT $columns, $told
FROM (
    SELECT * FROM read_parquet($file, file_row_number = true)
    WHERE file_row_number BETWEEN $first AND $last
) AS body
JOIN (
    SELECT * FROM read_parquet($picked)
    WHERE _file = $number AND _number BETWEEN $first AND $last
) AS picked ON body.file_row_number = picked._number
