-- Out: the versions of one entity of any type up to T.
WITH $presence,
$spans
SELECT
    _shape AS shape, valid_from, valid_to, told['hash'] AS hash, told['writer'] AS writer,
    told['seq'] AS seq
FROM version
WHERE told IS NOT NULL
