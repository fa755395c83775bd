-- The versions of one entity of any type, up to T.
CREATE MACRO $schema._history(of_type, of_id, t) AS TABLE
WITH $presence,
$spans
SELECT
    _shape AS shape, valid_from, valid_to, told['hash'] AS hash, told['writer'] AS writer,
    told['seq'] AS seq
FROM version
WHERE told IS NOT NULL
