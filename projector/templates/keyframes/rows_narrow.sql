-- In: files, in the order in which they are numbered; columns.
-- Out: those columns; among them may be where each row lies.
SELECT $columns
FROM (
    SELECT
        * EXCLUDE (_path, file_row_number),
        list_position([$every], _path)::INTEGER AS _file,
        file_row_number AS _number
    FROM read_parquet([$files], filename = '_path', file_row_number = true)
)
