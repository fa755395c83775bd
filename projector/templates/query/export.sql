-- Writes a view to one file, or to a folder of partitions.
COPY (SELECT $columns FROM $view ORDER BY ALL) TO $target ($options)
