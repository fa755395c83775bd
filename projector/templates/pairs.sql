-- Neighbours: every version of a type with the present one before it, where both are known.
CREATE MACRO $schema._pairs(of_type, t) AS TABLE
WITH $presence,
$spans
SELECT DISTINCT ON (before['hash'], hash)
    before['hash'] AS before_hash, before['writer'] AS before_writer, before['seq'] AS before_seq,
    hash, writer, seq
FROM (
    SELECT
        told['hash'] AS hash, told['writer'] AS writer, told['seq'] AS seq,
        lag(told) OVER (PARTITION BY _type, _id, _shape ORDER BY valid_from) AS before
    FROM version
    WHERE told IS NOT NULL
)
WHERE before['hash'] <> hash
