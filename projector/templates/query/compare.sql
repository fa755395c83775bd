-- Compares the versions of one view by two definitions.
-- Out: a row for each column that differs, with the event that contains the body.
SELECT change, id, epoch_us(valid_from) AS valid_from, field['column'] AS column_name, field['old'] AS old,
    field['new'] AS new, segment, seq
FROM (
    SELECT
        CASE WHEN old.$old_key IS NULL THEN 'added' WHEN new.$new_key IS NULL THEN 'removed'
            ELSE 'changed' END AS change,
        coalesce(old.$old_key::VARCHAR, new.$new_key::VARCHAR) AS id,
        coalesce(old.valid_from, new.valid_from) AS valid_from,
        coalesce(old._segment, new._segment) AS segment,
        coalesce(old._seq, new._seq) AS seq,
        unnest(list_filter([$fields], lambda each: each['old'] IS DISTINCT FROM each['new'])) AS field
    FROM hindlog.$old AS old FULL JOIN made.$new AS new
        ON old.$old_key::VARCHAR = new.$new_key::VARCHAR AND old._shape IS NOT DISTINCT FROM new._shape
        AND old.valid_from = new.valid_from
)
ORDER BY valid_from, id, column_name
