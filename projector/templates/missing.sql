-- Neighbours of a type (parameter `type`) that were not compared yet.
SELECT before_hash, hash, before_writer, before_seq, writer, seq
FROM $schema._pairs($$type, NULL) AS pair
WHERE NOT EXISTS (
    FROM $schema._diffs() AS diff
    WHERE diff.type = $$type AND diff.before_hash = pair.before_hash AND diff.hash = pair.hash
)
