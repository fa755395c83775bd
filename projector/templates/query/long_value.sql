-- One value of a column that is longer, as the name of a folder, than a number of bytes.
SELECT $column::VARCHAR AS value
FROM $view
WHERE strlen(url_encode($column::VARCHAR)) > $bytes
ORDER BY value
LIMIT 1
