-- log.quarantine: lines of the log that are not in the views, and why
-- reads: view
-- `view` NULL: DuckDB refuses the line, no view has it. Else the rows of that view fail on it.
-- The line itself is in the log: `segment` and `seq` name it.
SELECT
    split_part(segment, '/', 1) AS source, segment,
    regexp_extract(segment, '-([0-9a-f]{8})-', 1) AS writer, seq, view, why
FROM log._refused()
