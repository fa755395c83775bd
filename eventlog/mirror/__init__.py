"""Mirror: a second, complete copy of the sealed log in an object store."""
