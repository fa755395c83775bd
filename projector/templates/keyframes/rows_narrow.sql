-- In: files to read; the list of all files, in which the position is a file's number; columns.
-- Out: those columns. `_file` and `_number` locate a row: the file's number, the row's in the file.
SELECT $columns
FROM (
    SELECT
        * EXCLUDE (_path, file_row_number),
        list_position([$every], _path)::INTEGER AS _file,
        file_row_number AS _number
    FROM read_parquet([$files], filename = '_path', file_row_number = true)
)
