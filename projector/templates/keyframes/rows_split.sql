-- In: rows of entities; the number of partitions; the first partition to write, and how many.
-- Out: the rows of these partitions, with the partition. All rows of an id have the same one.
SELECT *
FROM (SELECT *, hash(_id) % $turns AS _turn FROM ($rows))
WHERE _turn BETWEEN $first AND $first + $count - 1
