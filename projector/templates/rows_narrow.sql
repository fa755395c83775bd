-- In: files, in the order in which they are numbered; columns; which entities.
-- Out: those columns, and where each row lies.
SELECT
    $columns,
    list_position([$every], _path)::INTEGER AS _file,
    file_row_number AS _number
    $more
FROM read_parquet([$files], filename = '_path', file_row_number = true)
WHERE $chosen
