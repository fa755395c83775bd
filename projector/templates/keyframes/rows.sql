-- The rows as of an instant, as they are kept: all that `shown` has.
WITH $shown
SELECT * FROM shown
