CREATE VIEW $schema.$name AS
SELECT DISTINCT ON (_position $row) * EXCLUDE (_position)
FROM read_parquet(list_transform(
    string_split('$files', ','),
    lambda p: coalesce(getvariable('hindlog_root'), '$root') || '/views/' || p))
WHERE $at <= $instant
