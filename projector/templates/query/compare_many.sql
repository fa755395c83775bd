-- Compares the rows of one view by two definitions if a version can have many rows.
-- Out: the rows that only one of the two definitions has.
WITH old AS (
    SELECT $old_key::VARCHAR AS id, valid_from, _segment AS segment, _seq AS seq,
        to_json({$row})::VARCHAR AS told
    FROM hindlog.$old
),
new AS (
    SELECT $new_key::VARCHAR AS id, valid_from, _segment AS segment, _seq AS seq,
        to_json({$row})::VARCHAR AS told
    FROM made.$new
)
SELECT 'removed' AS change, id, epoch_us(valid_from) AS valid_from, NULL AS column_name, told AS old, NULL AS new, segment, seq
FROM (FROM old EXCEPT ALL FROM new)
UNION ALL
SELECT 'added', id, epoch_us(valid_from), NULL, NULL, told, segment, seq
FROM (FROM new EXCEPT ALL FROM old)
ORDER BY valid_from, id, change
