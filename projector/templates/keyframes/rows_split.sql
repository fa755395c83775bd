-- In: rows of entities; how many turns they are divided into, which of these to write.
-- Out: the rows, with the turn of each.
SELECT *
FROM (SELECT *, hash(_id) % $turns AS _turn FROM ($rows))
WHERE _turn BETWEEN $first AND $first + $count - 1
