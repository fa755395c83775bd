-- Out: the rows of the row cache as of an instant: all columns of `shown`.
WITH $shown
SELECT * FROM shown
